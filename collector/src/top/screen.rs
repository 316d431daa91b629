//! The terminal: taken over at the start, given back at every end.

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use std::io::{self, Stdout, Write};

/// The terminal while it is ours. Dropping it gives it back; so does a panic, before it says what happened.
pub(super) struct Screen {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        enable_raw_mode()?;
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back(&mut io::stdout());
            before(panic);
        }));
        let mut out = io::stdout();
        let opened = execute!(out, EnterAlternateScreen).and_then(|()| Terminal::new(CrosstermBackend::new(out)));
        match opened {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back(&mut io::stdout());
                Err(error)
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back(&mut io::stdout());
    }
}

/// Twice does no harm.
fn give_back(out: &mut impl Write) {
    let _ = disable_raw_mode();
    let _ = execute!(out, LeaveAlternateScreen, Show);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Not a test by itself: what `a_panic_gives_the_terminal_back` runs on a terminal.
    #[test]
    #[ignore = "needs a terminal of its own"]
    fn panics_on_the_screen() {
        let mut screen = Screen::open().unwrap();
        screen.terminal.draw(|_| panic!("on purpose")).unwrap();
    }

    #[test]
    fn a_panic_gives_the_terminal_back() {
        let this = std::env::current_exe().unwrap();
        let run = format!(
            "{} --exact top::screen::tests::panics_on_the_screen --ignored --nocapture; stty -a",
            this.display()
        );
        let output = Command::new("script").args(["-qec", &run, "/dev/null"]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what:?} in {text:?}"));
        let (taken, back, said) = (place("\u{1b}[?1049h"), place("\u{1b}[?1049l"), place("on purpose"));
        assert!(taken < back && back < said, "what happened is said on the ordinary screen: {text:?}");
        assert!(text.contains("\u{1b}[?25h"), "the cursor: {text:?}");
        assert!(text.contains(" icanon") && text.contains(" echo "), "line by line, and echoed: {text:?}");
    }
}
