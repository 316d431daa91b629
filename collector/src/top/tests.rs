//! What is drawn, on a terminal in memory.

use super::answers::{Graph, Pathways};
use super::app::{Action, App, View};
use super::column::Column;
use super::draw::{Theme, draw};
use super::fetch::{Close, Fetched, Subject};
use super::row::{Map, select};
use crate::ask::Collector;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};
use serde_json::{Value, json};
use std::time::Duration;

fn latency(p50: f64) -> Value {
    json!({"count": 100, "p50": p50, "p95": p50 * 2.0, "p99": p50 * 3.0, "max": p50 * 4.0})
}

fn edge(id: &str, topic: &str, p50: f64, lag: Option<i64>) -> Value {
    json!({
        "id": id, "kind": "consume", "from": format!("q:{topic}"), "to": "s:pay", "env": "prod", "service": "pay",
        "tags": ["direction:in", "group:g", format!("topic:{topic}"), "type:kafka"], "messages": 100, "rate": 10.0,
        "edge_latency": latency(p50), "pathway_latency": latency(p50 * 10.0), "payload_size": latency(512.0),
        "lag": lag.map(|lag| json!({"messages": lag, "seconds": 1.5, "partitions": 1, "group": "g"})), "later": 1,
    })
}

fn map_of(edges: Vec<Value>) -> Map {
    let mut nodes = vec![json!({"kind": "service", "id": "s:pay", "env": "prod", "service": "pay", "langs": []})];
    nodes.extend(edges.iter().map(|edge| {
        let topic = edge["from"].as_str().unwrap().strip_prefix("q:").unwrap();
        json!({"kind": "queue", "id": edge["from"], "env": "prod", "type": "kafka", "cluster": "", "name": topic, "service": null})
    }));
    let graph: Graph =
        serde_json::from_value(json!({"now_ms": 1_786_000_000_000i64, "nodes": nodes, "edges": edges})).unwrap();
    let step = json!({"edge": "1", "env": "prod", "service": "pay", "direction": "in", "tags": ["direction:in", "topic:t", "type:kafka"]});
    let pathways: Pathways = serde_json::from_value(json!({"pathways": [
        {"id": "p", "origin": "unknown", "steps": [step], "messages": 100, "rate": 10.0, "latency": latency(0.5)},
    ]}))
    .unwrap();
    Map::new(graph, pathways)
}

fn app(edges: Vec<Value>) -> App {
    let mut app = App::new("http://127.0.0.1:8126", 300, Column::Name, false, "");
    take(&mut app, map_of(edges));
    app
}

fn take(app: &mut App, map: Map) {
    app.took(Fetched { want: app.want(), map: Ok(map), detail: None });
}

fn three() -> App {
    app(vec![edge("1", "slow", 2.0, Some(7)), edge("2", "fast", 0.001, None), edge("3", "middle", 0.1, Some(0))])
}

fn drawn(app: &mut App, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app, &Theme::new(true))).unwrap();
    terminal.backend().buffer().clone()
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let row = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_string();
    (0..buffer.area.height).map(row).collect()
}

fn press(app: &mut App, code: KeyCode) -> Action {
    app.key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn names(app: &App) -> Vec<&str> {
    app.rows().iter().map(|row| row.id.as_str()).collect()
}

#[test]
fn a_wide_terminal_shows_everything() {
    let lines = lines(&drawn(&mut three(), 160, 8));
    assert!(lines[0].starts_with("http://127.0.0.1:8126  last 5 min  3 edges  2026-08-06 07:06:40"), "{lines:#?}");
    for heading in ["NAME", "MSG/S", "EDGE p50", "EDGE max", "ORIGIN p99", "SIZE p50", "LAG", "LAG TIME"] {
        assert!(lines[1].contains(heading), "{heading}: {lines:#?}");
    }
    assert!(lines[2].starts_with("kafka fast -> prod/pay (group g)"), "{lines:#?}");
    let slow: Vec<&str> = lines[4].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(
        slow,
        [
            "kafka slow -> prod/pay (group g)",
            "10",
            "2.00 s",
            "4.00 s",
            "6.00 s",
            "8.00 s",
            "20.0 s",
            "40.0 s",
            "60.0 s",
            "80.0 s",
            "512 B",
            "7",
            "1.50 s"
        ]
    );
    assert!(lines[7].starts_with("Enter look closely"), "{lines:#?}");
}

#[test]
fn a_narrow_terminal_leaves_out_what_is_worth_least() {
    let mut app = three();
    let narrow = lines(&drawn(&mut app, 60, 8));
    assert!(narrow[1].contains("EDGE p95") && narrow[1].contains("LAG") && !narrow[1].contains("SIZE"), "{narrow:#?}");
    app.sort = Column::Size;
    assert!(lines(&drawn(&mut app, 60, 8))[1].contains("SIZE p50"), "what is sorted by stays");
    let least = lines(&drawn(&mut app, 10, 4));
    assert!(least[2].starts_with("kafka fas…"), "{least:#?}");
    for (width, height) in [(1, 1), (2, 2), (3, 1), (5, 40), (300, 3)] {
        drawn(&mut app, width, height);
        press(&mut app, KeyCode::Enter);
        drawn(&mut app, width, height);
        press(&mut app, KeyCode::Esc);
    }
}

#[test]
fn names_cannot_write_to_the_terminal() {
    let evil = "\u{1b}[2J\u{9b}31m\r\n\u{202e}注文\u{7}";
    let mut app = app(vec![edge("1", evil, 1.0, None)]);
    for code in [KeyCode::Null, KeyCode::Enter] {
        press(&mut app, code);
        let buffer = drawn(&mut app, 200, 20);
        let text = lines(&buffer).join("\n");
        assert!(text.contains("\\u{1b}[2J\\u{9b}31m\\u{d}\\u{a}\\u{202e}注"), "{text}");
        let safe = |symbol: &str| symbol.chars().all(|c| !c.is_control() && c != '\u{202e}');
        assert!(buffer.content().iter().all(|cell| safe(cell.symbol())));
    }
}

#[test]
fn wide_characters_do_not_shift_columns() {
    let mut app = app(vec![edge("1", "注文", 1.0, None), edge("2", "orders", 1.0, None)]);
    let buffer = drawn(&mut app, 160, 6);
    let end = |y| (0..160).rev().find(|&x| buffer[(x, y)].symbol() == "B").unwrap();
    assert_eq!(end(2), end(3), "{:#?}", lines(&buffer));
}

#[test]
fn without_colour_there_is_none() {
    let mut app = three();
    let mut terminal = Terminal::new(TestBackend::new(160, 10)).unwrap();
    let colored =
        |buffer: &Buffer| buffer.content().iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
    terminal.draw(|frame| draw(frame, &mut app, &Theme::new(false))).unwrap();
    assert!(!colored(terminal.backend().buffer()));
    let marked = |cell: &ratatui::buffer::Cell| cell.modifier.contains(Modifier::REVERSED);
    assert!(terminal.backend().buffer().content().iter().any(marked), "the marked line is seen all the same");
    terminal.draw(|frame| draw(frame, &mut app, &Theme::new(true))).unwrap();
    assert!(colored(terminal.backend().buffer()));
}

#[test]
fn keys_sort_filter_and_move() {
    let mut app = three();
    assert_eq!(names(&app), ["2", "3", "1"], "by name");
    press(&mut app, KeyCode::Char('s'));
    press(&mut app, KeyCode::Char('s'));
    assert_eq!((app.sort, names(&app)), (Column::EdgeP50, vec!["1", "3", "2"]), "the largest first");
    press(&mut app, KeyCode::Char('r'));
    assert_eq!(names(&app), ["2", "3", "1"]);
    app.sort = Column::LagTime;
    press(&mut app, KeyCode::Char('S'));
    assert_eq!(
        (app.sort, names(&app)),
        (Column::Lag, vec!["3", "1", "2"]),
        "what is not known is last, however it is turned"
    );
    // The mark stays with its line.
    assert_eq!(app.marked.as_deref(), Some("2"));
    press(&mut app, KeyCode::Up);
    assert_eq!(app.marked.as_deref(), Some("1"));
    press(&mut app, KeyCode::Char('r'));
    assert_eq!((app.place(), app.marked.as_deref()), (Some(0), Some("1")));

    press(&mut app, KeyCode::Char('/'));
    for c in "SLOW g".chars() {
        press(&mut app, KeyCode::Char(c));
    }
    assert_eq!(names(&app), ["1"], "while it is typed");
    assert!(lines(&drawn(&mut app, 80, 6))[5].contains("filter: SLOW g_"));
    press(&mut app, KeyCode::Enter);
    assert!(lines(&drawn(&mut app, 80, 6))[0].contains("1 edges  filter: SLOW g"));
    press(&mut app, KeyCode::Char('/'));
    press(&mut app, KeyCode::Char('q'));
    assert!(names(&app).is_empty(), "q is a letter here");
    assert!(lines(&drawn(&mut app, 80, 6))[1].contains("no line has these words"));
    press(&mut app, KeyCode::Esc);
    assert_eq!(app.filter, "SLOW g", "as before");
    press(&mut app, KeyCode::Esc);
    assert_eq!(names(&app).len(), 3);
    press(&mut app, KeyCode::Tab);
    assert_eq!((app.view, names(&app)), (View::Pathways, vec!["p"]));
    assert!(lines(&drawn(&mut app, 100, 6))[2].starts_with("(unknown) -> prod/pay [in kafka t]"));
    assert_eq!(press(&mut app, KeyCode::Char('q')), Action::Quit);
    assert_eq!(app.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Action::Quit);
}

#[test]
fn more_lines_than_room_are_scrolled() {
    let many: Vec<_> = (0..100).map(|n| edge(&n.to_string(), &format!("t{n:03}"), 1.0, None)).collect();
    let mut app = app(many);
    let see = |app: &mut App| {
        lines(&drawn(app, 100, 12))[2..11].iter().map(|line| line[6..10].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(see(&mut app)[0], "t000");
    press(&mut app, KeyCode::PageDown);
    assert_eq!((see(&mut app)[8].as_str(), app.first), ("t009", 1));
    press(&mut app, KeyCode::End);
    assert_eq!(see(&mut app)[8], "t099");
    press(&mut app, KeyCode::Up);
    assert_eq!((see(&mut app)[8].as_str(), app.place()), ("t099", Some(98)));
    press(&mut app, KeyCode::Home);
    assert_eq!(see(&mut app)[0], "t000");
    // Fewer lines, while the end was in sight.
    press(&mut app, KeyCode::End);
    take(&mut app, map_of(vec![edge("5", "t005", 1.0, None)]));
    assert_eq!((app.place(), app.first), (Some(0), 0));
}

#[test]
fn time_ranges_are_chosen_and_older_answers_dropped() {
    let mut app = three();
    assert_eq!((press(&mut app, KeyCode::Char(']')), app.last), (Action::Fetch, 900));
    app.last = 86_400;
    assert_eq!((press(&mut app, KeyCode::Char(']')), app.last), (Action::Fetch, 0));
    assert_eq!(press(&mut app, KeyCode::Char(']')), Action::Draw);
    assert_eq!((press(&mut app, KeyCode::Char('[')), app.last), (Action::Fetch, 86_400));
    let old = super::fetch::Want { last: 300, ..app.want() };
    app.took(Fetched { want: old, map: Ok(Map::default()), detail: None });
    assert_eq!(app.rows().len(), 3);
    assert_eq!((press(&mut app, KeyCode::Char(' ')), app.want().paused), (Action::Fetch, true));
}

#[test]
fn a_closer_look() {
    let mut app = three();
    press(&mut app, KeyCode::End);
    assert_eq!(press(&mut app, KeyCode::Enter), Action::Fetch);
    assert_eq!(app.want().detail, Some(Subject::Edge("1".into())));
    let series = json!({"from_ms": 0, "to_ms": 30_000, "step_ms": 10_000, "points": [
        {"at_ms": 0, "messages": 10, "rate": 1.0, "edge_latency": latency(1.0), "pathway_latency": latency(1.0)},
        {"at_ms": 10_000, "messages": 0, "rate": 0.0, "edge_latency": null, "pathway_latency": null},
        {"at_ms": 20_000, "messages": 10, "rate": 4.0, "edge_latency": latency(4.0), "pathway_latency": latency(4.0)},
    ]});
    let lag = json!({"step_ms": 60_000, "points": [{"at_ms": 0, "messages": 7, "seconds": null}]});
    // That of the same topic in another cluster comes first, and is another's.
    let group = |id: &str, cluster: &str, committed: i64| {
        let partition =
            json!({"partition": "0", "committed": committed, "end": 47, "messages": 47 - committed, "seconds": 1.5});
        json!({"id": id, "env": "prod", "type": "kafka", "cluster": cluster, "topic": "slow", "group": "g",
            "messages": 47 - committed, "seconds": 1.5, "partitions": [partition]})
    };
    let lags = json!({"groups": [group("other", "east", 1), group("l", "", 40)]});
    let close = Close {
        series: serde_json::from_value(series).unwrap(),
        lags: serde_json::from_value(lags).unwrap(),
        lag: serde_json::from_value(lag).unwrap(),
    };
    let map = app.map.clone().unwrap();
    app.took(Fetched { want: app.want(), map: Ok(map.clone()), detail: Some(Ok(close)) });
    let seen = lines(&drawn(&mut app, 90, 36));
    let text = seen.join("\n");
    assert!(text.contains("lag in messages, last 5 min, by 60.0 s; at most 7"), "{text}");
    assert!(text.contains("consume by prod/pay: direction:in group:g topic:slow type:kafka"), "{text}");
    assert!(text.contains("lag of group g: 7 messages, the oldest 1.50 s old in 1 partitions"), "{text}");
    assert!(seen.iter().any(|line| line.split_whitespace().eq(["0", "40", "47", "7", "1.50", "s"])), "{text}");
    assert!(!seen.iter().any(|line| line.split_whitespace().eq(["0", "1", "47", "46", "1.50", "s"])), "{text}");
    assert!(text.contains("edge latency p95, last 5 min, by 10.0 s; at most 8.00 s"), "{text}");
    // The last third is the largest, the middle a gap, the first a quarter of the last.
    let caption = seen.iter().position(|line| line.starts_with("edge latency p95")).unwrap();
    let bars: Vec<char> = seen[caption + 4].chars().collect();
    assert_eq!((bars[0], bars[30], bars[60]), ('█', ' ', '█'), "{text}");
    let bars: Vec<char> = seen[caption + 1].chars().collect();
    assert_eq!((bars[0], bars[60]), (' ', '█'), "{text}");
    // It may be gone from the map.
    app.took(Fetched { want: app.want(), map: Ok(map_of(vec![])), detail: None });
    assert!(lines(&drawn(&mut app, 90, 10))[1].starts_with("there were no messages here"));
    app.took(Fetched { want: app.want(), map: Ok(map), detail: None });
    press(&mut app, KeyCode::Esc);
    assert_eq!(app.want().detail, None);
}

#[test]
fn a_route_has_no_charts() {
    let mut route = edge("r", "exchange", 1.0, None);
    for name in ["edge_latency", "pathway_latency", "payload_size"] {
        route[name] = Value::Null;
    }
    (route["kind"], route["service"], route["tags"]) = (json!("route"), json!(""), json!([]));
    let mut app = app(vec![route]);
    press(&mut app, KeyCode::Enter);
    let map = app.map.clone().unwrap();
    app.took(Fetched { want: app.want(), map: Ok(map), detail: Some(Ok(Close::default())) });
    let text = lines(&drawn(&mut app, 90, 36)).join("\n");
    assert!(text.contains("100 messages, 10 a second") && !text.contains("at most"), "{text}");
}

#[test]
fn a_collector_that_went_away_is_told() {
    let nobody = Collector::new("http://127.0.0.1:1", None, Duration::from_secs(5)).unwrap();
    let mut app = three();
    let want = app.want();
    app.took(Fetched { want: want.clone(), map: super::fetch::map(&nobody, 300), detail: None });
    let seen = lines(&drawn(&mut app, 160, 8));
    assert!(seen[7].starts_with("what is shown is old: no collector at http://127.0.0.1:1: "), "{seen:#?}");
    assert!(seen[2].starts_with("kafka fast"), "and it stays");
    let mut fresh = App::new("http://127.0.0.1:1", 300, Column::Name, false, "");
    fresh.took(Fetched { want, map: super::fetch::map(&nobody, 300), detail: None });
    assert!(lines(&drawn(&mut fresh, 160, 8))[7].starts_with("no collector at"));
}

#[test]
fn nothing_yet_says_how_to_begin() {
    let mut app = App::new("http://127.0.0.1:8126", 300, Column::Name, false, "");
    let graph = serde_json::from_value(json!({"now_ms": 1, "nodes": [], "edges": []})).unwrap();
    take(&mut app, Map::new(graph, Pathways { pathways: vec![] }));
    let text = lines(&drawn(&mut app, 90, 8)).join("\n");
    assert!(text.contains("DD_TRACE_AGENT_URL=http://127.0.0.1:8126 your-service"), "{text}");
}

#[test]
fn equal_numbers_are_in_the_order_of_names() {
    let map = map_of(vec![edge("2", "b", 1.0, None), edge("1", "a", 1.0, None)]);
    for reverse in [false, true] {
        let rows = select(&map.edges, "", Column::EdgeP95, reverse);
        assert_eq!(rows.iter().map(|row| &*row.id).collect::<Vec<_>>(), ["1", "2"]);
    }
}
