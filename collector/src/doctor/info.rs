//! What the agent says of itself: that it takes pipeline statistics, and what time it is.

use super::check::Check;
use crate::plain::sentence;
use datastreams_core::endpoint::AGENT_PATH;
use datastreams_core::transport::{Answer, Session, Unanswered};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NAME: &str = "info";
const CLOCK: &str = "clock";
/// The largest answer that is read, in bytes, and how much of a text is shown, in characters.
const MOST: usize = 1 << 20;
const SHOWN: usize = 100;
/// Clocks that differ by no more are taken for equal: an answer's `Date` is whole seconds, and may be one old.
const SKEW: Duration = Duration::from_secs(2);
/// Beyond this, headers from the machine that is ahead are refused.
const REFUSED: Duration = datastreams_core::config::DEFAULT_MAX_HEADER_FUTURE;

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// `datastreams collect`.
    Collector,
    /// Datadog's, or what says the same of itself.
    Agent,
    /// Nobody knows.
    Other,
}

/// Asks `/info`.
pub(super) fn info(session: &Session<'_>, timeout: Duration) -> (Who, Vec<Check>) {
    let before = now();
    let answer = match session.get("/info", &[("Accept", "application/json")], MOST, timeout) {
        Ok(answer) => answer,
        Err(unanswered) => return (Who::Other, vec![silence(&unanswered, timeout), no_clock()]),
    };
    let after = now();
    let clock = match answer.header("date").and_then(|date| httpdate::parse_http_date(date).ok()) {
        Some(date) => clock(date.duration_since(UNIX_EPOCH).unwrap_or_default(), before, after),
        None => no_clock(),
    };
    let (who, check) = endpoints(&answer);
    (who, vec![check, clock])
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn silence(unanswered: &Unanswered, timeout: Duration) -> Check {
    match unanswered {
        Unanswered::NotSent(why) => Check::failed(
            NAME,
            format!("cannot ask: {}", sentence(why, SHOWN)),
            "check scheme, port and certificates: https needs a certificate that this machine trusts (SSL_CERT_FILE)",
        ),
        Unanswered::Timeout => Check::failed(
            NAME,
            format!("connected, but no answer within {} s", timeout.as_secs()),
            "what listens there is no agent, or hangs: look at its log; restart it",
        ),
        Unanswered::TooLarge => Check::failed(
            NAME,
            "the answer is larger than 1 MiB",
            "what listens there is no agent: check address and port",
        ),
        Unanswered::Broken(why) => Check::failed(
            NAME,
            format!("what answered does not speak HTTP, or hung up: {}", sentence(why, SHOWN)),
            "what listens there is no agent, or only takes https: check address, scheme and port",
        ),
    }
}

fn endpoints(answer: &Answer) -> (Who, Check) {
    let status = answer.status;
    let text = || sentence(&String::from_utf8_lossy(&answer.body), SHOWN);
    match status {
        200 => {}
        404 => {
            let advice = "what listens there is no agent, or a very old one: check address and port, or update it";
            return (Who::Other, Check::failed(NAME, format!("404: it knows no /info ({})", text()), advice));
        }
        401 | 403 => {
            let advice =
                "a proxy or a service mesh stands before the agent: let /info and /v0.1/pipeline_stats through";
            return (Who::Other, Check::failed(NAME, format!("{status}: asking is not allowed ({})", text()), advice));
        }
        _ => {
            let advice = "look at the log of what listens there; redirects are not followed: name the agent itself";
            return (Who::Other, Check::failed(NAME, format!("it answered {status} ({})", text()), advice));
        }
    }
    let known: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let Some(listed) = known.as_ref().and_then(|info| info["endpoints"].as_array()) else {
        let advice = "what listens there is no agent: check address and port";
        return (Who::Other, Check::failed(NAME, format!("the answer is no agent's ({})", text()), advice));
    };
    let info = known.as_ref().unwrap_or(&Value::Null);
    let version =
        info["version"].as_str().map_or_else(|| "of unknown version".into(), |version| sentence(version, SHOWN));
    let who = match info["config"].as_object() {
        Some(config) if config.contains_key("max_request_bytes") => Who::Collector,
        Some(_) => Who::Agent,
        None => Who::Other,
    };
    let name = if who == Who::Collector { "a collector" } else { "an agent" };
    let wanted = AGENT_PATH.trim_start_matches('/');
    let has = listed.iter().filter_map(Value::as_str).any(|path| path.trim_start_matches('/') == wanted);
    if has {
        return (who, Check::ok(NAME, format!("{name}, {version}, which takes {AGENT_PATH}")));
    }
    let advice = "update the agent to 7.34 or later, and see that Data Streams is not switched off in it";
    (who, Check::failed(NAME, format!("{name}, {version}, does not list {AGENT_PATH}"), advice))
}

fn no_clock() -> Check {
    Check::unknown(CLOCK, "the answer has no Date to compare with", "see that this machine's clock is kept by NTP")
}

/// The agent's whole second against the time from before the question until after the answer.
fn clock(date: Duration, before: Duration, after: Duration) -> Check {
    let ahead = date.saturating_sub(after);
    let behind = before.saturating_sub(date + Duration::from_secs(1));
    let skew = ahead.max(behind);
    if skew <= SKEW {
        return Check::ok(CLOCK, "this machine's clock and the agent's agree");
    }
    let (here, seconds) = (if ahead > behind { "behind" } else { "ahead of" }, skew.as_secs());
    let worse = if skew > REFUSED { ", and messages that come from the clock ahead lose their pathway" } else { "" };
    Check::failed(
        CLOCK,
        format!(
            "this machine's clock is {seconds} s {here} the agent's: latencies between them are wrong by that{worse}"
        ),
        "keep the clocks of both by NTP (chrony, systemd-timesyncd)",
    )
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;

    #[test]
    fn clocks() {
        let s = Duration::from_secs_f64;
        let at = |date: f64| clock(s(date), s(100.4), s(100.6));
        // Whole seconds, cut off, up to one old: equal clocks.
        for date in [97.5, 99.0, 100.0, 101.0, 102.5] {
            assert_eq!(at(date).result, Verdict::Ok, "{date}");
        }
        let behind = at(110.0);
        assert_eq!(behind.result, Verdict::Failed);
        assert!(behind.sentence.starts_with("this machine's clock is 9 s behind the agent's"), "{behind}");
        assert!(!behind.sentence.contains("lose their pathway"), "{behind}");
        assert!(at(20.0).sentence.contains("79 s ahead of the agent's: latencies between them are wrong by that, and"));
    }
}
