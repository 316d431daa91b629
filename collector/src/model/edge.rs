//! Edges as they are merged: by environment, service and tags, whoever sent them and under whatever hash.

use std::borrow::Cow;

/// Which way messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// Consumed by the service.
    In,
    /// Produced by it.
    Out,
    /// Neither is said: a step inside, or a client of the ancestor's that did not tell.
    None,
}

/// An edge of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct EdgeKey {
    pub(crate) env: Box<str>,
    pub(crate) service: Box<str>,
    /// In bytewise order, each once.
    pub(crate) tags: Box<[Box<str>]>,
}

impl EdgeKey {
    /// The value of the first tag `key:value`.
    pub(crate) fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find_map(|tag| tag.strip_prefix(key)?.strip_prefix(':'))
    }

    pub(crate) fn direction(&self) -> Direction {
        match self.tag("direction") {
            Some("in") => Direction::In,
            Some("out") => Direction::Out,
            _ => Direction::None,
        }
    }

    /// A name that stays the same: for links.
    pub(crate) fn id(&self) -> String {
        let parts = [&*self.env, &*self.service].into_iter().chain(self.tags.iter().map(|tag| &**tag));
        format!("{:016x}", fingerprint(parts))
    }

    /// The bytes that its texts take, about: of short tags most is not text.
    pub(crate) fn bytes(&self) -> usize {
        /// A tag's place, and the allocator's share.
        const TAG: usize = size_of::<Box<str>>() + 16;
        self.env.len() + self.service.len() + self.tags.iter().map(|tag| TAG + tag.len()).sum::<usize>()
    }
}

/// FNV-1 of texts that are told apart.
pub(crate) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    use datastreams_core::hash::{fnv1, fnv1_from};
    parts.into_iter().fold(fnv1(&[]), |state, part| fnv1_from(fnv1_from(state, part.as_bytes()), &[0xff]))
}

/// The tags of a point in the form by which edges are told apart: in order, each once.
///
/// dd-trace-py and dd-trace-rb join the tags with commas and split them again on sending, so `topic:a,b` comes as
/// `topic:a` and `b`. A part without a colon belongs to the tag before it. (`topic:a,b:c` cannot be told from two tags.)
pub(crate) fn normal_tags<'a>(tags: impl Iterator<Item = Cow<'a, str>>, lang: &str) -> Box<[Box<str>]> {
    let splits = splits_tags(lang);
    let mut whole: Vec<Cow<'_, str>> = Vec::new();
    for tag in tags {
        match whole.last_mut() {
            Some(before) if splits && !tag.contains(':') => *before = format!("{before},{tag}").into(),
            _ => whole.push(tag),
        }
    }
    whole.sort_unstable();
    whole.dedup();
    whole.into_iter().map(|tag| tag.into_owned().into_boxed_str()).collect()
}

/// Whether a tracer splits tags at commas.
fn splits_tags(lang: &str) -> bool {
    matches!(lang, "python" | "ruby")
}

/// The environment by which services are told apart. dd-trace-rb writes "none" where the others write nothing.
pub(crate) fn normal_env<'a>(env: &'a str, lang: &str) -> &'a str {
    if env == "none" && lang == "ruby" { "" } else { env }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(tags: &[&str]) -> Vec<Box<str>> {
        tags.iter().map(|&tag| tag.into()).collect()
    }

    fn normal(tags: &[&str], lang: &str) -> Vec<String> {
        normal_tags(tags.iter().map(|&tag| tag.into()), lang).iter().map(|tag| tag.to_string()).collect()
    }

    #[test]
    fn tags_in_any_order_are_one_edge() {
        let java = normal(&["direction:out", "topic:t", "type:kafka", "kafka_cluster_id:c"], "jvm");
        let go = normal(&["kafka_cluster_id:c", "direction:out", "type:kafka", "topic:t", "topic:t"], "go");
        assert_eq!(java, go);
    }

    #[test]
    fn commas_are_put_back() {
        let whole = ["direction:out", "topic:a,b,c", "type:kafka"];
        assert_eq!(normal(&["direction:out", "topic:a", "b", "c", "type:kafka"], "python"), whole);
        assert_eq!(normal(&["direction:out", "topic:a", "b", "c", "type:kafka"], "ruby"), whole);
        assert_eq!(normal(&whole, "go"), whole);
        assert_eq!(normal(&["a", "topic:b"], "python"), ["a", "topic:b"], "nothing before it");
        assert_eq!(normal(&["topic:b", "a"], "go"), ["a", "topic:b"], "others mean it");
    }

    #[test]
    fn parts_of_an_edge() {
        let edge = |tags: &[&str]| EdgeKey { env: "e".into(), service: "s".into(), tags: boxed(tags).into() };
        let kafka = edge(&["direction:in", "topic:arn:aws:x", "topics:no"]);
        assert_eq!((kafka.tag("topic"), kafka.tag("top"), kafka.direction()), (Some("arn:aws:x"), None, Direction::In));
        assert_eq!(edge(&["type:internal"]).direction(), Direction::None);
        assert_ne!(edge(&["ab", "c"]).id(), edge(&["a", "bc"]).id());
    }
}
