//! `datastreams hash` and `datastreams decode`.

use crate::common::run;

fn out(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_string();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn hashes_of_system_tests() {
    let hash =
        |arguments: &[&str]| out(&[&["hash", "--service", "weblog", "--env", "system-tests"], arguments].concat()).1;
    assert_eq!(hash(&["type:http", "direction:in"]), "3883033147046472598");
    let parent = hash(&["direction:out", "topic:dsm-system-tests-queue", "type:kafka"]);
    assert_eq!(parent, "4463699290244539355");
    let tags = ["direction:in", "group:testgroup1", "topic:dsm-system-tests-queue", "type:kafka"];
    assert_eq!(hash(&[&["--parent", &parent][..], &tags].concat()), "3735318893869752335");
    assert_ne!(hash(&["--primary-tag", "datacenter:d1", "type:http", "direction:in"]), "3883033147046472598");
    assert_eq!(out(&["hash", "--service", "s"]).0, Some(2), "an edge needs a tag");
    let (code, _, error) = out(&["hash", "--service", "s", "--parent", "-1", "a:b"]);
    assert!(code == Some(2) && error.contains("invalid value '-1' for '--parent <U64>'"), "{error}");
    // The library takes no empty tag, and no service is a service by another name.
    assert_eq!(out(&["hash", "--service", "s", "a:b", ""]).0, Some(2));
    assert_eq!(out(&["hash", "--service", "", "a:b"]).0, Some(2));
}

#[test]
fn headers() {
    let (code, text, _) = out(&["decode", "MnkGAAAAAAD2kare+meg5are+mc="]);
    assert_eq!(code, Some(0));
    assert!(text.starts_with("hash           424242 (0x0000000000067932)\n"), "{text}");
    assert!(text.contains("1786000000123 ms = 2026-08-06 07:06:40.123 UTC"), "{text}");
    let json = r#"{"edge_start_ms":1786000005456,"hash":"424242","pathway_start_ms":1786000000123}"#;
    for form in [
        "MnkGAAAAAAD2kare-meg5are-mc",
        "TW5rR0FBQUFBQUQya2FyZSttZWc1YXJlK21jPQ==",
        "0x3279060000000000f691aadefa67a0e5aadefa67",
    ] {
        assert_eq!(out(&["decode", form, "--json"]), (Some(0), json.into(), String::new()), "{form}");
        assert_eq!(out(&["decode", "--json", form]).1, json, "{form}");
    }
}

#[test]
fn headers_that_cannot_be_read() {
    for (form, reason) in [
        ("hello", "neither base64 nor a binary pathway"),
        ("hex:ffffffffffffffffffff", "ends within a time"),
        ("hex:0", "odd"),
        ("", "empty"),
        ("hex:ffffffffffffffffffffffffffffffffffffffffffffffffffff", "does not fit"),
    ] {
        let (code, text, error) = out(&["decode", form]);
        assert_eq!((code, text.as_str()), (Some(2), ""), "{form}");
        assert!(error.starts_with("error: cannot read the header: ") && error.contains(reason), "{form}: {error}");
    }
    // What begins like an option may be a header in the URL-safe alphabet.
    assert_eq!(out(&["decode", "--json", "-nkGAAAAAAD2kare-meg5are-mc"]).0, Some(0));
}
