//! The process tags of a payload: where the program was started from. They are shown beside a service and never hashed:
//! in a hash they make new pathways at every deploy.

use crate::machine::Machine;
use std::path::Path;
use std::sync::Arc;

/// Characters of a value, at most.
const VALUE_MAX: usize = 100;

/// The list, sorted by key: `entrypoint.basedir`, `entrypoint.name`, `entrypoint.type`, `entrypoint.workdir`, and
/// `svc.auto` with the service's name when it was inferred, else `svc.user`. Values nobody can learn from (empty,
/// `/`, `bin`) are left out, as all tracers do.
#[must_use]
pub fn process_tags(machine: &Machine, service: &str, inferred: bool) -> Arc<[Box<str>]> {
    let program = machine.program().unwrap_or_default();
    let basedir = machine.executable.as_deref().and_then(Path::parent).map(base_name).unwrap_or_default();
    let workdir = machine.workdir.as_deref().map(base_name).unwrap_or_default();
    let (svc, name) = if inferred { ("svc.auto", service) } else { ("svc.user", "true") };
    [
        ("entrypoint.basedir", basedir.as_str()),
        ("entrypoint.name", program.as_str()),
        ("entrypoint.type", "executable"),
        ("entrypoint.workdir", workdir.as_str()),
        (svc, name),
    ]
    .into_iter()
    .filter_map(|(key, value)| {
        let value = normalise(value);
        let tells = !matches!(value.as_str(), "" | "/" | "bin");
        tells.then(|| format!("{key}:{value}").into_boxed_str())
    })
    .collect()
}

fn base_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Lower case; what is not a letter, a digit, `/`, `.`, `_` or `-` becomes `_`; runs of `_` become one; none at the ends.
fn normalise(value: &str) -> String {
    let mut normal = String::new();
    for c in value.chars().flat_map(char::to_lowercase) {
        let c = if c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-') { c } else { '_' };
        if c != '_' || !(normal.is_empty() || normal.ends_with('_')) {
            normal.push(c);
        }
        if normal.len() == VALUE_MAX {
            break;
        }
    }
    normal.truncate(normal.trim_end_matches('_').len());
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(executable: &str, workdir: &str, service: &str, inferred: bool) -> Vec<String> {
        let machine =
            Machine { executable: Some(executable.into()), workdir: Some(workdir.into()), ..Machine::default() };
        process_tags(&machine, service, inferred).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn sorted_and_complete() {
        let list = tags("/opt/Shop/checkout server", "/srv/orders", "checkout", false);
        let expected = [
            "entrypoint.basedir:shop",
            "entrypoint.name:checkout_server",
            "entrypoint.type:executable",
            "entrypoint.workdir:orders",
            "svc.user:true",
        ];
        assert_eq!(list, expected);
        assert!(list.is_sorted());
    }

    #[test]
    fn an_inferred_service_is_named_and_empty_values_left_out() {
        let list = tags("/usr/bin/app", "/", "App", true);
        assert_eq!(list, ["entrypoint.name:app", "entrypoint.type:executable", "svc.auto:app"]);
        assert!(list.is_sorted());
        let unknown = process_tags(&Machine::default(), "", true);
        assert_eq!(unknown.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["entrypoint.type:executable"]);
    }

    #[test]
    fn values_are_normalised() {
        assert_eq!(normalise("  Ünder__score!!x_ "), "nder_score_x");
        assert_eq!(normalise("a.b-c/d"), "a.b-c/d");
        assert_eq!(normalise("___"), "");
        assert_eq!(normalise(&"x".repeat(500)).len(), VALUE_MAX);
        assert_eq!(normalise(&format!("{}_{}", "x".repeat(99), "y")).len(), 99);
    }
}
