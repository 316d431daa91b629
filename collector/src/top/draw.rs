//! Draws the screen: a title, a table or a closer look, and the keys.

use super::app::{App, View};
use super::column::Column;
use super::detail;
use super::grid::{Grid, fit};
use super::row::Row;
use crate::clock;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

const KEYS: [(&str, &str); 12] = [
    ("up down, j k, PgUp PgDn, Home End", "move"),
    ("Enter", "look closely at the line; Esc: back"),
    ("Tab", "edges, pathways"),
    ("s  S", "sort by the next column, by the last but one"),
    ("r", "the other way round"),
    ("/", "filter: lines with every word; Esc: none"),
    ("[  ]", "a shorter, a longer time"),
    ("Space", "pause, go on"),
    ("?", "this"),
    ("q, Ctrl-C", "quit"),
    ("EDGE", "time since the message passed the edge before: in the queue, in the service"),
    ("ORIGIN", "time since its first edge"),
];

/// How things look; without colour by weight alone.
#[derive(Debug)]
pub(crate) struct Theme {
    pub(super) title: Style,
    pub(super) heading: Style,
    pub(super) sorted: Style,
    pub(super) marked: Style,
    pub(super) behind: Style,
    pub(super) trouble: Style,
    pub(super) dim: Style,
    pub(super) chart: Style,
}

impl Theme {
    pub(crate) fn new(color: bool) -> Self {
        let plain = Style::new();
        let colored = |foreground: Color| if color { plain.fg(foreground) } else { plain };
        Self {
            title: plain.add_modifier(Modifier::BOLD),
            heading: plain.add_modifier(Modifier::UNDERLINED),
            sorted: colored(Color::Cyan).add_modifier(Modifier::UNDERLINED | Modifier::BOLD),
            marked: plain.add_modifier(Modifier::REVERSED),
            behind: colored(Color::Yellow),
            trouble: colored(Color::Red).add_modifier(Modifier::BOLD),
            dim: if color { plain.fg(Color::DarkGray) } else { plain },
            chart: colored(Color::Green),
        }
    }
}

pub(crate) fn draw(frame: &mut Frame<'_>, app: &mut App, theme: &Theme) {
    let layout = Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)]);
    let [top, middle, bottom] = layout.areas(frame.area());
    frame.render_widget(title(app, theme, top.width.into()), top);
    if app.help {
        help(frame, middle, theme);
    } else if app.subject.is_some() {
        detail::draw(frame, middle, app, theme);
    } else {
        table(frame, middle, app, theme);
    }
    frame.render_widget(footer(app, theme, bottom.width.into()), bottom);
}

/// `5 min`, `1 h`, `all`.
pub(super) fn span(last: u32) -> String {
    match last {
        0 => "all that is kept".into(),
        last if last % 3600 == 0 => format!("last {} h", last / 3600),
        last if last % 60 == 0 => format!("last {} min", last / 60),
        last => format!("last {last} s"),
    }
}

fn title(app: &App, theme: &Theme, width: usize) -> Line<'static> {
    let what = match app.view {
        View::Edges => "edges",
        View::Pathways => "pathways",
    };
    let mut words = vec![app.url.clone(), span(app.last), format!("{} {what}", app.rows().len())];
    if !app.filter.is_empty() {
        words.push(format!("filter: {}", crate::plain::plain(&app.filter)));
    }
    if app.paused {
        words.push("paused".into());
    }
    if let Some(map) = &app.map {
        words.push(clock::date(map.now_ms));
    }
    Line::styled(fit(&words.join("  "), width), theme.title)
}

fn footer(app: &App, theme: &Theme, width: usize) -> Line<'static> {
    if app.typing.is_some() {
        return Line::from(fit(
            &format!("filter: {}_  Enter: keep it  Esc: as before", crate::plain::plain(&app.filter)),
            width,
        ));
    }
    if let Some(trouble) = &app.trouble {
        let old = if app.map.is_some() { "what is shown is old: " } else { "" };
        return Line::styled(fit(&format!("{old}{trouble}"), width), theme.trouble);
    }
    let keys = if app.subject.is_some() {
        "Esc back  [ ] time  Space pause  ? help  q quit"
    } else {
        "Enter look closely  Tab pathways  s sort  / filter  [ ] time  ? help  q quit"
    };
    Line::styled(fit(keys, width), theme.dim)
}

fn help(frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
    let width = KEYS.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let line = |(key, meaning): &(&'static str, &'static str)| {
        Line::from(vec![Span::styled(format!("{key:width$}  "), theme.title), Span::raw(*meaning)])
    };
    frame.render_widget(Paragraph::new(KEYS.iter().map(line).collect::<Vec<_>>()), area);
}

fn table(frame: &mut Frame<'_>, area: Rect, app: &mut App, theme: &Theme) {
    app.room = usize::from(area.height.saturating_sub(1)).max(1);
    app.scroll();
    if app.rows().is_empty() {
        return frame.render_widget(Paragraph::new(nothing(app)), area);
    }
    let grid = Grid::within(app.columns(), app.rows(), app.sort, area.width.into());
    let arrow = if app.reverse { "-" } else { "" };
    let heading = grid.cells(|column| {
        let here = if column == app.sort { arrow } else { "" };
        format!("{here}{}", column.heading())
    });
    let style = |column: Column| if column == app.sort { theme.sorted } else { theme.heading };
    let heading = heading.into_iter().zip(&grid.columns).map(|(cell, &(column, _))| Span::styled(cell, style(column)));
    let mut lines = vec![Line::from(heading.collect::<Vec<_>>())];
    let marked = app.place();
    for (place, row) in app.rows().iter().enumerate().skip(app.first).take(app.room) {
        let line = line(&grid, row, theme);
        lines.push(if marked == Some(place) { line.style(theme.marked) } else { line });
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn line(grid: &Grid, row: &Row, theme: &Theme) -> Line<'static> {
    let cells = grid.cells(|column| column.text(row)).into_iter().zip(&grid.columns);
    Line::from(
        cells
            .map(|(cell, &(column, _))| {
                let behind =
                    matches!(column, Column::Lag | Column::LagTime) && column.value(row).is_some_and(|lag| lag > 0.0);
                if behind { Span::styled(cell, theme.behind) } else { Span::raw(cell) }
            })
            .collect::<Vec<_>>(),
    )
}

/// Why there is no line.
fn nothing(app: &App) -> Vec<Line<'static>> {
    let known = app.map.as_ref().map(|map| map.edges.len() + map.pathways.len());
    match known {
        None if app.trouble.is_some() => vec![Line::from("waiting for the collector")],
        None => vec![Line::from("asking the collector")],
        Some(0) => vec![
            Line::from(format!("no messages yet ({}). Point a service at the collector:", span(app.last))),
            Line::from(format!("  DD_TRACE_AGENT_URL={} your-service", app.url)),
            Line::from("datastreams doctor says what is missing when nothing arrives."),
        ],
        Some(_) if app.filter.is_empty() => vec![Line::from("nothing here: Tab for the other table")],
        Some(_) => vec![Line::from("no line has these words: Esc for all")],
    }
}
