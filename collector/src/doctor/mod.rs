//! `datastreams doctor`: proves step by step that what a service measures arrives.

mod check;
mod info;
mod payload;
mod reach;
mod seen;
mod settings;

use crate::ask::{self, Collector};
use crate::{cli, output, plain};
use check::{Check, Report, Verdict};
use datastreams_core::transport::Transport;
use info::Who;
use payload::Measured;
use std::process::ExitCode;

/// The exit code when nothing is wrong, but not all could be proved.
const NOT_ALL: u8 = 3;
/// What comes after the settings.
const STEPS: [&str; 6] = ["agent", "info", "clock", "header", "payload", "seen"];

pub(crate) fn run(options: &cli::Doctor) -> ExitCode {
    let token = match ask::token(&options.token) {
        Ok(token) => token,
        Err(sentence) => return output::fail(sentence, output::WRONG_INPUT),
    };
    let report = examine(options, token.as_deref());
    let code = match (report.ok, report.failed()) {
        (true, _) => ExitCode::SUCCESS,
        (false, true) => ExitCode::from(1),
        (false, false) => ExitCode::from(NOT_ALL),
    };
    if !options.json {
        return output::result(&report, code);
    }
    match serde_json::to_string_pretty(&report) {
        Ok(json) => output::result(plain::json(&json), code),
        Err(error) => output::fail(error, 1),
    }
}

fn examine(options: &cli::Doctor, token: Option<&str>) -> Report {
    let agent_url = options.agent_url.as_deref();
    let (settings, mut checks) = settings::settings(agent_url, &settings::process);
    let Some(settings) = settings else {
        checks.extend(STEPS.map(|name| Check::skipped(name, "the settings come first")));
        return Report::new(None, checks);
    };
    let agent = settings.endpoint.to_string();
    if let Err(sentence) = steps(options, token, &mut checks) {
        checks.push(Check::failed("settings", sentence, "set what the sentence names right"));
    }
    Report::new(Some(agent), checks)
}

fn steps(options: &cli::Doctor, token: Option<&str>, checks: &mut Vec<Check>) -> Result<(), String> {
    let timeout = options.timeout;
    let settings = payload::settings(options.agent_url.as_deref(), timeout)?;
    let (endpoint, env) = (settings.endpoint.clone(), settings.env.clone());
    let transport = Transport::new(&settings).map_err(|error| error.to_string())?;

    let reached = reach::reach(&endpoint, timeout);
    let there = reached.result == Verdict::Ok;
    checks.push(reached);
    let mut who = Who::Other;
    if endpoint.agentless {
        checks.push(Check::note("info", "the intake tells nothing of itself: what it takes is seen when it takes it"));
        checks.push(Check::note("clock", "not compared: see that this machine's clock is kept by NTP"));
    } else if !there {
        checks.extend(["info", "clock"].map(|name| Check::skipped(name, "nobody is there")));
    } else {
        let session = transport.open().map_err(|error| format!("cannot ask the agent: {error}"))?;
        let (answered, found) = info::info(&session, timeout);
        who = answered;
        checks.extend(found);
    }

    let (measured, header) = Measured::new(settings);
    checks.push(header);
    let Some(measured) = measured.filter(|_| there) else {
        let why = if there { "there is no client" } else { "nobody is there" };
        checks.extend(["payload", "seen"].map(|name| Check::skipped(name, why)));
        return Ok(());
    };
    // What the collector knows before, so that the numbers are those of this test.
    // One before an agent has the agent's `/info`, and is known by the rest.
    let collector =
        if endpoint.agentless { None } else { Some(Collector::new(&agent_url(&endpoint), token, timeout)?) };
    let before = collector.as_ref().map(|collector| collector.open().and_then(|round| seen::before(&round, &env)));
    let before = before.filter(|before| match before {
        Ok(_) => true,
        Err(trouble) => who == Who::Collector || trouble.wants_token,
    });
    let (taken, delivered) = measured.deliver(&transport, timeout);
    checks.push(delivered);
    checks.push(match (collector, before) {
        _ if !taken => Check::skipped("seen", "nothing was taken"),
        (Some(collector), Some(Ok(before))) => seen::seen(&collector, &before, &env, timeout),
        (_, Some(Err(trouble))) => Check::unknown(
            "seen",
            format!("it took the payload, but cannot be asked what it shows: {trouble}"),
            match trouble.wants_token {
                true => format!("give the collector's token in ${}, or in a file with --token-file", ask::TOKEN),
                false => "do as it says; what stands before the collector has to let /api/graph through too".into(),
            },
        ),
        _ => Check::unknown(
            "seen",
            format!("it took the payload, and does not tell what becomes of it: look there for the service {}", payload::SERVICE),
            "to see all of it here, point DD_TRACE_AGENT_URL at a `datastreams collect`, which can pass everything on to an agent",
        ),
    });
    Ok(())
}

/// The address in the form in which it is given, with a base that is before the agent's paths.
fn agent_url(endpoint: &datastreams_core::endpoint::Endpoint) -> String {
    match endpoint.socket {
        Some(_) => endpoint.to_string(),
        None => {
            let base = endpoint.path.strip_suffix(datastreams_core::endpoint::AGENT_PATH).unwrap_or_default();
            format!("{}{base}", endpoint.origin)
        }
    }
}
