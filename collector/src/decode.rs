//! `datastreams decode`.

use crate::{cli, clock, output, units};
use datastreams_core::header::{self, Window};
use datastreams_core::pathway::Pathway;
use std::process::ExitCode;

const NS_PER_MS: i64 = 1_000_000;

pub(crate) fn run(options: &cli::Decode) -> ExitCode {
    let now_ns = clock::now_ns();
    match read(&options.header) {
        Ok(pathway) if options.json => output::result(json(&pathway), ExitCode::SUCCESS),
        Ok(pathway) => output::result(explain(&pathway, now_ns).join("\n"), ExitCode::SUCCESS),
        Err(reason) => output::fail(format!("cannot read the header: {reason}"), output::WRONG_INPUT),
    }
}

/// Reads a header whatever its times, which a service would not: here somebody wants to know what is in it.
///
/// The core would take any ten characters for a binary header from 1970, and tell it by its times. Here the binary form
/// comes in hexadecimal, so text that looks like base64 is nothing else.
fn read(text: &str) -> Result<Pathway, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty".into());
    }
    let hex = ["hex:", "0x", "0X"].iter().find_map(|prefix| text.strip_prefix(prefix));
    let mut binary = match hex {
        Some(hex) => from_hex(hex)?,
        None => {
            from_base64(text.as_bytes()).ok_or("it is not base64; give the binary form in hexadecimal after hex:")?
        }
    };
    // dd-trace-dotnet writes base64 of base64.
    if let Some(again) = from_base64(&binary) {
        binary = again;
    }
    if binary.is_empty() {
        return Err("it is empty".into());
    }
    header::decode(&binary, 0, &Window::ANY).map_err(|refusal| refusal.to_string())
}

/// Base64 in either alphabet, padded or not; `None` for anything else.
pub(crate) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|&byte| byte != b'=')? + 1;
    let value = |byte: &u8| {
        Some(match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        })
    };
    let values: Vec<u8> = text.get(..end)?.iter().map(value).collect::<Option<_>>()?;
    let mut bytes = Vec::new();
    for four in values.chunks(4) {
        let bits = four.iter().fold(0u32, |bits, &value| bits << 6 | u32::from(value)) << (6 * (4 - four.len()));
        bytes.extend(&bits.to_be_bytes()[1..four.len()]);
    }
    Some(bytes)
}

fn from_hex(hex: &str) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u8>> =
        hex.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.ok_or("it holds what is no hexadecimal digit")?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
    } else {
        Err("the number of hexadecimal digits is odd".into())
    }
}

fn json(pathway: &Pathway) -> serde_json::Value {
    serde_json::json!({
        // A number in JSON is a double to many readers: it cannot hold a hash.
        "hash": pathway.hash.to_string(),
        "pathway_start_ms": pathway.start_ns / NS_PER_MS,
        "edge_start_ms": pathway.edge_start_ns / NS_PER_MS,
    })
}

fn explain(pathway: &Pathway, now_ns: i64) -> Vec<String> {
    let mut lines = vec![format!("hash           {} ({:#018x})", pathway.hash, pathway.hash)];
    let mut outside = false;
    for (name, start_ns) in [("pathway start", pathway.start_ns), ("edge start", pathway.edge_start_ns)] {
        let start_ms = start_ns / NS_PER_MS;
        let age = now_ns.saturating_sub(start_ns) as f64 / 1e9;
        let age =
            if age >= 0.0 { format!("{} ago", units::seconds(age)) } else { format!("in {}", units::seconds(-age)) };
        lines.push(format!("{name:<14} {start_ms} ms = {} ({age})", clock::date(start_ms)));
        outside |= start_ns > now_ns.saturating_add(Window::DEFAULT.future_ns);
        outside |= start_ns < now_ns.saturating_sub(Window::DEFAULT.past_ns);
    }
    if outside {
        let (past, future) = (Window::DEFAULT.past_ns as f64 / 1e9, Window::DEFAULT.future_ns as f64 / 1e9);
        lines.push(format!(
            "a service would refuse it now and start a new pathway: a start lies more than {} ago or {} ahead",
            units::seconds(past),
            units::seconds(future)
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Pathway {
        Pathway {
            hash: 424_242,
            start_ns: 1_786_000_000_123 * NS_PER_MS,
            edge_start_ns: 1_786_000_005_456 * NS_PER_MS,
            ..Pathway::default()
        }
    }

    #[test]
    fn every_form() {
        for form in [
            "MnkGAAAAAAD2kare+meg5are+mc=",
            " MnkGAAAAAAD2kare-meg5are-mc\n",
            "TW5rR0FBQUFBQUQya2FyZSttZWc1YXJlK21jPQ==",
            "hex:3279060000000000f691aadefa67a0e5aadefa67",
            "0x3279060000000000F691AADEFA67A0E5AADEFA67",
            "hex:32 79 06 00 00 00 00 00 f6 91 aa de fa 67 a0 e5 aa de fa 67",
            "hex:4d6e6b4741414141414144326b6172652b6d6567356172652b6d633d",
        ] {
            assert_eq!(read(form), Ok(sample()), "{form}");
        }
    }

    #[test]
    fn reasons() {
        assert_eq!(read("").unwrap_err(), "it is empty");
        assert_eq!(read("hex:").unwrap_err(), "it is empty");
        assert_eq!(read("0x123").unwrap_err(), "the number of hexadecimal digits is odd");
        assert_eq!(read("0x12z4").unwrap_err(), "it holds what is no hexadecimal digit");
        assert!(read("hello").unwrap_err().contains("neither base64 nor"));
        assert!(read("hello, world").unwrap_err().contains("it is not base64"));
        assert_eq!(read("MnkGAAAAAAD2kare").unwrap_err(), "it ends within a time", "cut off, not from 1970");
        assert_eq!(read("TW5rR0FBQUFBQUQya2FyZQ==").unwrap_err(), "it ends within a time", "twice");
    }

    #[test]
    fn text_and_json() {
        let near = explain(&sample(), 1_786_000_010_000 * NS_PER_MS).join("\n");
        assert_eq!(
            near,
            "hash           424242 (0x0000000000067932)\n\
             pathway start  1786000000123 ms = 2026-08-06 07:06:40.123 UTC (9.88 s ago)\n\
             edge start     1786000005456 ms = 2026-08-06 07:06:45.456 UTC (4.54 s ago)"
        );
        let far = explain(&sample(), 1_786_000_010_000 * NS_PER_MS + 40 * 86_400_000 * NS_PER_MS);
        assert!(far[3].contains("31.0 d ago or 60.0 s ahead"), "{far:?}");
        let early = explain(&sample(), 1_785_000_000_000 * NS_PER_MS);
        assert!(early[1].contains("(in 11.6 d)") && early.len() == 4, "{early:?}");
        assert_eq!(
            json(&sample()).to_string(),
            r#"{"edge_start_ms":1786000005456,"hash":"424242","pathway_start_ms":1786000000123}"#
        );
    }
}
