//! Takes the built page into the binary. `make page` builds it; without it the binary says so at `/`.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let page = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("page/dist");
    // The folder is always there: cargo looks for changes below it, and a path that is missing counts as one.
    println!("cargo:rerun-if-changed={}", page.display());
    println!("cargo:rerun-if-changed=build.rs");
    let built = page.join("www");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut files = Vec::new();
    list(&built, &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for (at, file) in files.iter().enumerate() {
        let bytes = fs::read(file)?;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&bytes)?;
        let packed = out.join(format!("page-{at}.gz"));
        fs::write(&packed, gzip.finish()?)?;
        let mut hasher = DefaultHasher::new();
        hasher.write(&bytes);
        let name = file.strip_prefix(&built)?.to_string_lossy().replace('\\', "/");
        let path = if name == "index.html" { String::from("/") } else { format!("/{name}") };
        writeln!(
            table,
            "File {{ path: {path:?}, kind: {:?}, etag: \"\\\"{:016x}\\\"\", gzip: include_bytes!({packed:?}) }},",
            kind(file),
            hasher.finish(),
        )?;
    }
    table.push(']');
    fs::write(out.join("page.rs"), table)?;
    Ok(())
}

/// All files below a folder; none when there is no such folder.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { list(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
