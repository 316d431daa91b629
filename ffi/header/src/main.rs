//! Writes `include/datastreams.h` from the sources of the ffi crate, or with `--check` says whether it is current.
//!
//! cbindgen writes all constants of a crate, then all types, then all functions. A manual page is read by subject, so it
//! runs once for each source file, and each file becomes a section under the title of its module comment.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The sections, in reading order: files of `ffi/src`.
const SECTIONS: [&str; 12] = [
    "status",
    "text",
    "config",
    "client",
    "edge",
    "pathway",
    "checkpoint",
    "track",
    "counters",
    "delivery",
    "fork",
    "version",
];

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let path = root().join("include/datastreams.h");
    let outcome = generate().and_then(|text| match std::env::args().nth(1).as_deref() {
        None => Ok(std::fs::write(&path, text)?),
        Some("--check") if std::fs::read_to_string(&path)? == text => Ok(()),
        Some("--check") => Err(format!("{} is stale: run `make header`", path.display()).into()),
        Some(other) => Err(format!("unknown argument {other}; there is only --check").into()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("header: {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The whole header.
fn generate() -> Result<String, Failure> {
    let ffi = root().join("ffi");
    let config = cbindgen::Config::from_file(ffi.join("cbindgen.toml"))?;
    let mut out = config.header.clone().unwrap_or_default().trim().to_owned();
    let guard = config.include_guard.clone().unwrap_or_default();
    write!(out, "\n#ifndef {guard}\n#define {guard}\n\n")?;
    for include in &config.sys_includes {
        writeln!(out, "#include <{include}>")?;
    }
    out.push('\n');
    out += config.after_includes.as_deref().unwrap_or_default().trim_end();
    out += "\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
    for name in SECTIONS {
        let source = ffi.join("src").join(name).with_extension("rs");
        out += &banner(&std::fs::read_to_string(&source)?);
        out += &section(&config, &source)?;
    }
    write!(out, "\n#ifdef __cplusplus\n}}\n#endif\n\n#endif // {guard}\n")?;
    Ok(out)
}

/// The title and the text of a module comment: `//! Title`, then what a C programmer should know.
fn banner(source: &str) -> String {
    let mut lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let title = lines.next().unwrap_or_default().trim();
    let mut banner = format!("\n// ---- {title} {}\n", "-".repeat(88usize.saturating_sub(title.len())));
    for line in lines.skip(1) {
        banner += format!("//{line}").trim_end();
        banner.push('\n');
    }
    banner
}

/// The items of one file.
fn section(config: &cbindgen::Config, source: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(source)?;
    // Types that no function of this file mentions are part of the section all the same.
    let named = text.lines().filter_map(|line| {
        let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub type "))?;
        Some(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?.to_owned())
    });
    let export = cbindgen::ExportConfig { include: named.collect(), ..config.export.clone() };
    let config = cbindgen::Config {
        export,
        header: None,
        include_guard: None,
        after_includes: None,
        no_includes: true,
        sys_includes: Vec::new(),
        ..config.clone()
    };
    let mut text = Vec::new();
    cbindgen::Builder::new().with_config(config).with_src(source).generate()?.write(&mut text);
    Ok(format!("\n{}", beside(&String::from_utf8(text)?)))
}

/// The widest line with a comment beside it.
const WIDTH: usize = 108;

/// Puts the comment of a constant or field behind it, in a column, where cbindgen puts each above and sets constants
/// apart: half the lines, and they read as tables.
fn beside(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    let mut out = String::new();
    let mut table: Vec<(String, &str)> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let pair = lines[at].trim_start().strip_prefix("// ").zip(lines.get(at + 1).copied());
        let single = at == 0 || !lines[at - 1].trim_start().starts_with("//");
        match pair {
            Some((comment, code)) if single && (code.starts_with("#define ") || is_field(code)) => {
                table.push((constant(code), comment));
                at += 2;
                // Constants stand together.
                let apart = lines.get(at).is_some_and(|line| line.is_empty());
                let next = lines[at..].iter().skip(1).find(|line| !line.starts_with("//"));
                if apart && code.starts_with('#') && next.is_some_and(|line| line.starts_with("#define ")) {
                    at += 1;
                }
            }
            _ => {
                flush(&mut table, &mut out);
                out += &untagged(lines[at]);
                out.push('\n');
                at += 1;
            }
        }
    }
    flush(&mut table, &mut out);
    out
}

fn is_field(code: &str) -> bool {
    code.starts_with("  ") && !code.starts_with("   ") && code.ends_with(';')
}

/// A macro that is a negative number needs its parentheses.
fn constant(code: &str) -> String {
    match code.strip_prefix("#define ").and_then(|define| define.split_once(" -")) {
        Some((name, number)) => format!("#define {name} (-{number})"),
        None => untagged(code),
    }
}

/// Every struct has a typedef: `struct` is left out where cbindgen writes both.
fn untagged(line: &str) -> String {
    if line.starts_with("typedef ") || line.trim_start().starts_with("//") {
        line.to_owned()
    } else {
        line.replace("struct ds_", "ds_")
    }
}

fn flush(table: &mut Vec<(String, &str)>, out: &mut String) {
    let column = table.iter().map(|(code, _)| code.len()).max().unwrap_or_default();
    for (code, comment) in table.drain(..) {
        if column + 4 + comment.chars().count() <= WIDTH {
            *out += &format!("{code:column$} // {comment}\n");
        } else {
            let indent = if code.starts_with(' ') { "  " } else { "" };
            *out += &format!("{indent}// {comment}\n{code}\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed() -> String {
        std::fs::read_to_string(root().join("include/datastreams.h")).unwrap()
    }

    #[test]
    fn the_committed_header_is_current() {
        assert!(generate().unwrap() == committed(), "include/datastreams.h is stale: run `make header`");
    }

    #[test]
    fn it_stays_short_and_narrow() {
        let header = committed();
        assert!(header.lines().count() < 400, "{} lines", header.lines().count());
        for line in header.lines() {
            assert!(line.chars().count() <= WIDTH, "too wide: {line}");
        }
    }

    #[test]
    fn every_item_has_a_comment() {
        let header = committed();
        let items = header.split_once("extern \"C\" {\n#endif\n").unwrap().1;
        let mut above = "";
        let mut checked = 0;
        for line in items.lines() {
            let field = is_field(line) || (line.starts_with("  ") && !line.starts_with("   ") && line.contains(" // "));
            let prototype = line.contains('(') && line.starts_with(|c: char| c.is_ascii_alphabetic());
            if field || prototype || line.starts_with("#define ") || line.starts_with("typedef ") {
                assert!(above.trim_start().starts_with("//") || line.contains(" // "), "no comment: {line}");
                checked += 1;
            }
            // The attribute stands between a comment and its function.
            if line != "DS_CHECK" {
                above = line;
            }
        }
        assert!(checked > 90, "only {checked} items were found");
    }

    #[test]
    fn no_export_is_missing() {
        let header = committed();
        for entry in std::fs::read_dir(root().join("ffi/src")).unwrap() {
            let path = entry.unwrap().path();
            let source = std::fs::read_to_string(&path).unwrap();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let exports = source.matches("#[unsafe(no_mangle)]").count();
            assert!(exports == 0 || SECTIONS.contains(&stem), "{} is no section of the header", path.display());
            let names = source.split("extern \"C\" fn ds_").skip(1).map(|rest| rest.split('(').next().unwrap());
            let mut named = 0;
            for name in names {
                assert!(header.contains(&format!("ds_{name}(")), "ds_{name} is not in the header");
                named += 1;
            }
            assert_eq!(named, exports, "in {}", path.display());
        }
    }
}
