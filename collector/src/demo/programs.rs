//! Where the example programs are, and which of them.

use super::plan::{self, Language};
use std::path::{Path, PathBuf};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Programs {
    pub(super) place: PathBuf,
    pub(super) go: bool,
    pub(super) python: bool,
}

impl Programs {
    /// What is not there: a sentence for each.
    pub(super) fn missing(&self) -> Vec<String> {
        let sentence = |(there, language, name): (bool, Language, &str)| {
            (!there).then(|| {
                format!(
                    "without {name} ({language:?}), which is not built: {} is missing",
                    self.place.join(name).display()
                )
            })
        };
        [(self.go, Language::Go, plan::SHIPPING), (self.python, Language::Python, plan::TRACKING)]
            .into_iter()
            .filter_map(sentence)
            .collect()
    }
}

/// The directory that has all that are written in C: the one given, else the first of those beside this program.
pub(super) fn find(given: Option<&Path>) -> Result<Programs, String> {
    let places = match given {
        Some(given) => vec![given.to_path_buf()],
        None => usual(std::env::current_exe().ok().as_deref().and_then(Path::parent)),
    };
    let wanted = [&[plan::KAFKA], &plan::PROGRAMS[..]].concat();
    let has_all = |place: &&PathBuf| wanted.iter().all(|program| place.join(program).is_file());
    if let Some(place) = places.iter().find(has_all) {
        let there = |program: &str| place.join(program).is_file();
        return Ok(Programs { place: place.clone(), go: there(plan::SHIPPING), python: there(plan::TRACKING) });
    }
    let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    Err(format!(
        "the example programs ({}) are not all in {}: run `make examples`, or say where they are with --examples",
        wanted.join(", "),
        places.join(" or ")
    ))
}

/// Installed beside this program; in a checkout, built by `make examples` from build/bin or from anywhere.
fn usual(beside: Option<&Path>) -> Vec<PathBuf> {
    let mut places = Vec::new();
    if let Some(beside) = beside {
        places.push(beside.to_path_buf());
        places.push(beside.join("examples"));
        if let Some(checkout) = beside.parent().and_then(Path::parent) {
            places.push(checkout.join("build/examples"));
        }
    }
    places.push(PathBuf::from("build/examples"));
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_or_a_sentence() {
        let place = std::env::temp_dir().join(format!("datastreams-demo-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        for program in ["mock_kafka", "orders", "payments"] {
            std::fs::write(place.join(program), "").unwrap();
        }
        let missing = find(Some(&place)).unwrap_err();
        assert!(missing.contains("run `make examples`"), "{missing}");
        assert!(missing.contains("(mock_kafka, orders, payments, sink)"), "{missing}");
        std::fs::write(place.join("sink"), "").unwrap();
        let found = find(Some(&place)).unwrap();
        assert_eq!((&found.place, found.go, found.python), (&place, false, false));
        assert!(found.missing()[0].starts_with("without shipping (Go), which is not built: "), "{found:?}");
        std::fs::write(place.join("tracking"), "").unwrap();
        let found = find(Some(&place)).unwrap();
        assert_eq!((found.go, found.python, found.missing().len()), (false, true, 1));
        std::fs::remove_dir_all(&place).unwrap();
        assert!(find(Some(&place)).is_err());
    }

    #[test]
    fn a_checkout_is_known() {
        let places = usual(Some(Path::new("/src/datastreams/build/bin")));
        assert!(places.contains(&PathBuf::from("/src/datastreams/build/examples")), "{places:?}");
    }
}
