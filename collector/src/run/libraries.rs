//! Where the plugin is.

use std::path::{Path, PathBuf};

const PLUGIN: &str = "libdatastreams_rdkafka.so";
const PRELOAD: &str = "libdatastreams_rdkafka_preload.so";

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Libraries {
    pub(super) plugin: PathBuf,
    pub(super) preload: PathBuf,
}

/// Both libraries, by absolute paths: in the directory that is given, else in the first of those beside this program.
pub(super) fn find(given: Option<&Path>) -> Result<Libraries, String> {
    let places = match given {
        Some(given) => vec![given.to_path_buf()],
        None => usual(std::env::current_exe().ok().as_deref().and_then(Path::parent)),
    };
    let there = |place: &&PathBuf| place.join(PLUGIN).is_file() && place.join(PRELOAD).is_file();
    let Some(place) = places.iter().find(there).and_then(|place| place.canonicalize().ok()) else {
        let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        return Err(format!(
            "{PLUGIN} and {PRELOAD} are not both in {}: run `make plugin`, or say where they are with --plugin",
            places.join(" or ")
        ));
    };
    // LD_PRELOAD is divided at these, and knows no quotes.
    if place.to_string_lossy().contains([' ', ':']) {
        return Err(format!("{}: LD_PRELOAD takes no path with a space or a colon", place.display()));
    }
    Ok(Libraries { plugin: place.join(PLUGIN), preload: place.join(PRELOAD) })
}

/// Installed beside this program or in the lib beside its bin; in a checkout, where `make plugin` puts them.
fn usual(beside: Option<&Path>) -> Vec<PathBuf> {
    let mut places = Vec::new();
    if let Some(beside) = beside {
        places.push(beside.to_path_buf());
        places.push(beside.join("../lib"));
        if let Some(checkout) = beside.parent().and_then(Path::parent) {
            places.push(checkout.join("build/plugin"));
        }
    }
    places.push(PathBuf::from("build/plugin"));
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_or_a_sentence() {
        let place = std::env::temp_dir().join(format!("datastreams-run-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join(PLUGIN), "").unwrap();
        let missing = find(Some(&place)).unwrap_err();
        assert!(missing.contains("run `make plugin`"), "{missing}");
        std::fs::write(place.join(PRELOAD), "").unwrap();
        let found = find(Some(&place)).unwrap();
        assert!(found.preload.is_absolute() && found.preload.ends_with(PRELOAD), "{found:?}");
        let spaced = place.join("a b");
        std::fs::create_dir_all(&spaced).unwrap();
        std::fs::write(spaced.join(PLUGIN), "").unwrap();
        std::fs::write(spaced.join(PRELOAD), "").unwrap();
        assert!(find(Some(&spaced)).unwrap_err().contains("space"));
        std::fs::remove_dir_all(&place).unwrap();
    }
}
