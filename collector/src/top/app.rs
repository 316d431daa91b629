//! What is shown, and what keys do to it. Draws nothing and asks nothing itself.

use super::column::Column;
use super::fetch::{Close, Fetched, Subject, Want};
use super::row::{About, Map, Row, select};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// The time ranges that keys choose from, in seconds; 0: everything that is kept.
const RANGES: [u32; 7] = [60, 300, 900, 3600, 6 * 3600, 86_400, 0];
/// The longest filter, in characters.
const FILTER_MAX: usize = 200;

/// The two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Edges,
    Pathways,
}

/// What is to be done after a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Draw,
    Fetch,
    Quit,
}

/// The state of the screen.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) url: String,
    pub(crate) view: View,
    pub(crate) sort: Column,
    pub(crate) reverse: bool,
    pub(crate) filter: String,
    /// The filter is being typed; what it was before.
    pub(crate) typing: Option<String>,
    pub(crate) last: u32,
    pub(crate) paused: bool,
    pub(crate) help: bool,
    /// What is looked at closely, and what is known of it.
    pub(crate) subject: Option<Subject>,
    pub(crate) close: Option<Result<Close, String>>,
    /// The id of the marked line: lines may change places under it.
    pub(crate) marked: Option<String>,
    /// The first line that is shown.
    pub(crate) first: usize,
    /// How many lines there is room for, as it was drawn last.
    pub(crate) room: usize,
    pub(crate) map: Option<Map>,
    /// Why the last question was not answered.
    pub(crate) trouble: Option<String>,
    shown: Vec<Row>,
}

impl App {
    pub(crate) fn new(url: &str, last: u32, sort: Column, reverse: bool, filter: &str) -> Self {
        Self {
            url: url.into(),
            view: View::Edges,
            sort,
            reverse,
            filter: filter.into(),
            typing: None,
            last,
            paused: false,
            help: false,
            subject: None,
            close: None,
            marked: None,
            first: 0,
            room: 1,
            map: None,
            trouble: None,
            shown: Vec::new(),
        }
    }

    /// What is to be asked.
    pub(crate) fn want(&self) -> Want {
        Want { last: self.last, paused: self.paused, detail: self.subject.clone() }
    }

    /// The lines that are to be seen, in order.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.shown
    }

    pub(crate) fn columns(&self) -> &'static [Column] {
        match self.view {
            View::Edges => &Column::EDGES,
            View::Pathways => &Column::PATHWAYS,
        }
    }

    /// Where the marked line is.
    pub(crate) fn place(&self) -> Option<usize> {
        let marked = self.marked.as_deref()?;
        self.shown.iter().position(|row| row.id == marked)
    }

    /// The line that is looked at closely, as long as the collector knows it.
    pub(crate) fn subject_row(&self) -> Option<&Row> {
        let map = self.map.as_ref()?;
        match self.subject.as_ref()? {
            Subject::Edge(id) => map.edges.iter().find(|row| row.id == *id),
            Subject::Pathway(id) => map.pathways.iter().find(|row| row.id == *id),
        }
    }

    /// Takes what was answered. An answer to an older question is not what is looked for now.
    pub(crate) fn took(&mut self, fetched: Fetched) {
        if fetched.want.last != self.last {
            return;
        }
        match fetched.map {
            Ok(map) => {
                self.map = Some(map);
                self.trouble = None;
            }
            // What was known stays, marked as old.
            Err(trouble) => self.trouble = Some(trouble.to_string()),
        }
        if let (Some(close), true) = (fetched.detail, fetched.want.detail == self.subject) {
            self.close = Some(close.map_err(|trouble| trouble.to_string()));
        }
        self.select();
    }

    /// Chooses the lines anew, after anything that decides on them changed.
    fn select(&mut self) {
        if !self.columns().contains(&self.sort) {
            self.sort = Column::Name;
        }
        let rows = match (&self.map, self.view) {
            (None, _) => &[][..],
            (Some(map), View::Edges) => &map.edges,
            (Some(map), View::Pathways) => &map.pathways,
        };
        self.shown = select(rows, &self.filter, self.sort, self.reverse);
        if self.place().is_none() {
            self.marked = self.shown.get(self.first.min(self.shown.len().saturating_sub(1))).map(|row| row.id.clone());
        }
        self.scroll();
    }

    /// Keeps the marked line in sight, and no room empty that lines could fill.
    pub(crate) fn scroll(&mut self) {
        let place = self.place().unwrap_or(0);
        let room = self.room.max(1);
        self.first = self.first.min(place).max((place + 1).saturating_sub(room));
        self.first = self.first.min(self.shown.len().saturating_sub(room));
    }

    fn mark(&mut self, place: usize) {
        self.marked = self.shown.get(place.min(self.shown.len().saturating_sub(1))).map(|row| row.id.clone());
        self.scroll();
    }

    /// A key.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Action {
        if key.kind == KeyEventKind::Release {
            return Action::Draw;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, KeyCode::Char('c' | 'd')) {
            return Action::Quit;
        }
        if self.typing.is_some() {
            self.type_filter(key);
            return Action::Draw;
        }
        if self.help {
            self.help = false;
            return Action::Draw;
        }
        let place = self.place().unwrap_or(0);
        match key.code {
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Left if self.subject.is_some() => {
                (self.subject, self.close) = (None, None);
                return Action::Fetch;
            }
            KeyCode::Esc => {
                self.filter.clear();
                self.select();
            }
            KeyCode::Up | KeyCode::Char('k') => self.mark(place.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.mark(place + 1),
            KeyCode::PageUp => self.mark(place.saturating_sub(self.room)),
            KeyCode::PageDown => self.mark(place + self.room),
            KeyCode::Home | KeyCode::Char('g') => self.mark(0),
            KeyCode::End | KeyCode::Char('G') => self.mark(usize::MAX),
            KeyCode::Enter | KeyCode::Right => return self.look_closely(),
            KeyCode::Tab | KeyCode::BackTab if self.subject.is_none() => {
                self.view = if self.view == View::Edges { View::Pathways } else { View::Edges };
                (self.marked, self.first) = (None, 0);
                self.select();
            }
            KeyCode::Char('s' | 'S') => {
                self.sort = self.sort.step(self.columns(), key.code == KeyCode::Char('s'));
                self.select();
            }
            KeyCode::Char('r') => {
                self.reverse = !self.reverse;
                self.select();
            }
            KeyCode::Char('/') if self.subject.is_none() => self.typing = Some(self.filter.clone()),
            KeyCode::Char('[') => return self.range(false),
            KeyCode::Char(']') => return self.range(true),
            KeyCode::Char(' ') => {
                self.paused = !self.paused;
                return Action::Fetch;
            }
            _ => {}
        }
        Action::Draw
    }

    fn type_filter(&mut self, key: KeyEvent) {
        match key.code {
            KeyCode::Enter => self.typing = None,
            KeyCode::Esc => self.filter = self.typing.take().unwrap_or_default(),
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => self.filter.clear(),
            KeyCode::Char(c) if self.filter.chars().count() < FILTER_MAX => self.filter.push(c),
            _ => {}
        }
        self.select();
    }

    fn look_closely(&mut self) -> Action {
        let Some(row) = self.place().and_then(|place| self.shown.get(place)) else { return Action::Draw };
        let subject = match row.about {
            About::Edge(_) => Subject::Edge(row.id.clone()),
            About::Pathway(_) => Subject::Pathway(row.id.clone()),
        };
        (self.subject, self.close) = (Some(subject), None);
        Action::Fetch
    }

    fn range(&mut self, longer: bool) -> Action {
        let length = |last: u32| if last == 0 { u32::MAX } else { last };
        let here = length(self.last);
        let next = if longer {
            RANGES.into_iter().find(|&last| length(last) > here)
        } else {
            RANGES.into_iter().rev().find(|&last| length(last) < here)
        };
        match next {
            Some(last) => {
                (self.last, self.close) = (last, None);
                Action::Fetch
            }
            None => Action::Draw,
        }
    }
}
