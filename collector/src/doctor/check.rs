//! What was looked at, what was found, and what to do about it.

use serde::Serialize;
use std::fmt;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// Proved.
    Ok,
    /// As it should be for most, but may surprise.
    Note,
    /// Cannot be proved from here.
    Unknown,
    /// Not tried, since something before it failed.
    Skipped,
    /// Wrong.
    Failed,
}

/// A check.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) result: Verdict,
    /// What was found.
    pub(super) sentence: String,
    /// What to do.
    pub(super) advice: Option<String>,
}

impl Check {
    fn new(name: &'static str, result: Verdict, sentence: impl Into<String>, advice: Option<String>) -> Self {
        Self { name, result, sentence: sentence.into(), advice }
    }

    pub(super) fn ok(name: &'static str, sentence: impl Into<String>) -> Self {
        Self::new(name, Verdict::Ok, sentence, None)
    }

    pub(super) fn note(name: &'static str, sentence: impl Into<String>) -> Self {
        Self::new(name, Verdict::Note, sentence, None)
    }

    pub(super) fn unknown(name: &'static str, sentence: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(name, Verdict::Unknown, sentence, Some(advice.into()))
    }

    pub(super) fn skipped(name: &'static str, sentence: impl Into<String>) -> Self {
        Self::new(name, Verdict::Skipped, sentence, None)
    }

    pub(super) fn failed(name: &'static str, sentence: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(name, Verdict::Failed, sentence, Some(advice.into()))
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.result {
            Verdict::Ok => "ok",
            Verdict::Note => "note",
            Verdict::Unknown => "unknown",
            Verdict::Skipped => "skipped",
            Verdict::Failed => "FAILED",
        };
        write!(f, "{word:8}{:10}{}", self.name, self.sentence)?;
        match &self.advice {
            Some(advice) => write!(f, "\n{:18}-> {advice}", ""),
            None => Ok(()),
        }
    }
}

/// All of them.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether all was proved.
    pub(super) ok: bool,
    /// Where statistics go; null when that cannot be decided.
    pub(super) agent: Option<String>,
    pub(super) checks: Vec<Check>,
}

impl Report {
    pub(super) fn new(agent: Option<String>, checks: Vec<Check>) -> Self {
        let ok = checks.iter().all(|check| matches!(check.result, Verdict::Ok | Verdict::Note));
        Self { ok, agent, checks }
    }

    pub(super) fn failed(&self) -> bool {
        self.checks.iter().any(|check| check.result == Verdict::Failed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            writeln!(f, "{check}")?;
        }
        f.write_str(match (self.ok, self.failed()) {
            (true, _) => "all is well: what a service measures here arrives",
            (false, true) => "not all is well",
            (false, false) => "nothing is wrong, but not all could be proved",
        })
    }
}
