//! `datastreams top`: a running collector's map in the terminal.

mod answers;
mod app;
pub(crate) mod column;
mod detail;
mod draw;
pub(crate) mod fetch;
mod grid;
mod once;
mod row;
mod screen;
#[cfg(test)]
mod tests;

pub(crate) use answers::{Edge, Graph, Pathway, Pathways, Quantiles};
pub(crate) use once::text;
pub(crate) use row::{Map, tag};

use crate::ask::{self, Collector};
use crate::{cli, output};
use app::{Action, App};
use draw::Theme;
use fetch::Fetched;
use ratatui::crossterm::event::{self, Event as Input};
use screen::Screen;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long an answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often the screen is drawn when nothing happens: so soon a resized terminal without a signal is noticed.
const IDLE: Duration = Duration::from_secs(1);

pub(crate) fn run(options: &cli::Top) -> ExitCode {
    let token = match ask::token(&options.token) {
        Ok(token) => token,
        Err(sentence) => return output::fail(sentence, output::WRONG_INPUT),
    };
    let collector = match Collector::new(&options.url, token.as_deref(), TIMEOUT) {
        Ok(collector) => collector,
        Err(sentence) => return output::fail(sentence, output::WRONG_INPUT),
    };
    if options.once {
        return once::run(options, &collector);
    }
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return output::fail("this is no terminal: use --once, or --once --json", output::WRONG_INPUT);
    }
    match live(options, collector) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => output::fail(sentence, 1),
    }
}

/// What happens.
enum Event {
    Input(Input),
    Fetched(Box<Fetched>),
    /// SIGINT, SIGTERM or SIGHUP, or the terminal is gone.
    End,
}

fn live(options: &cli::Top, collector: Collector) -> Result<(), String> {
    let mut app = App::new(&collector.url, options.last, options.sort, options.reverse, &options.filter);
    let (tell, happens) = channel();
    // Before the terminal is taken over: a signal that comes between would leave it so.
    signals(tell.clone())?;
    let cannot = |error: std::io::Error| format!("cannot use the terminal: {error}");
    let take = tell.clone();
    let wish = fetch::start(collector, options.every, app.want(), move |fetched| {
        take.send(Event::Fetched(Box::new(fetched))).is_ok()
    })
    .map_err(cannot)?;
    let mut screen = Screen::open().map_err(cannot)?;
    keys(tell).map_err(cannot)?;
    let theme = Theme::new(std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()));
    loop {
        screen.terminal.draw(|frame| draw::draw(frame, &mut app, &theme)).map_err(cannot)?;
        let action = match happens.recv_timeout(IDLE) {
            Ok(Event::Input(Input::Key(key))) => app.key(key),
            Ok(Event::Input(_)) | Err(RecvTimeoutError::Timeout) => Action::Draw,
            Ok(Event::Fetched(fetched)) => {
                app.took(*fetched);
                Action::Draw
            }
            Ok(Event::End) | Err(RecvTimeoutError::Disconnected) => Action::Quit,
        };
        match action {
            Action::Draw => {}
            Action::Fetch => drop(wish.send(app.want())),
            Action::Quit => return Ok(()),
        }
    }
}

/// Keys, from a thread that waits for them.
fn keys(tell: Sender<Event>) -> std::io::Result<()> {
    std::thread::Builder::new().name("keys".into()).spawn(move || {
        while let Ok(input) = event::read() {
            if tell.send(Event::Input(input)).is_err() {
                return;
            }
        }
        let _ = tell.send(Event::End);
    })?;
    Ok(())
}

/// Signals, from a thread that waits for them.
fn signals(tell: Sender<Event>) -> Result<(), String> {
    let cannot = |error: std::io::Error| format!("cannot wait for signals: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
    let [mut interrupt, mut terminate, mut hangup] = {
        let _inside = runtime.enter();
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        [interrupt.map_err(cannot)?, terminate.map_err(cannot)?, hangup.map_err(cannot)?]
    };
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        });
        let _ = tell.send(Event::End);
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait).map_err(cannot)?;
    Ok(())
}
