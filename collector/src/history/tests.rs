//! Histories that are written, read again, summed up and dropped.

use crate::collect::limits::Limits;
use crate::store::Store;
use crate::tests::{NOW, SECOND, graph_at, payload, point, take_payload, view};
use crate::view::Asked;
use datastreams_core::payload::{Backlog, Payload, Point};
use std::path::{Path, PathBuf};

const OUT: &[&str] = &["direction:out", "topic:orders", "type:kafka"];
const IN: &[&str] = &["direction:in", "group:pay", "topic:orders", "type:kafka"];
const HOUR: i64 = 3600;

/// A file for a test, removed before and after with what SQLite puts beside it.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let file = Self(std::env::temp_dir().join(format!("ds-{}-{name}.db", std::process::id())));
        file.remove();
        file
    }

    fn remove(&self) {
        for end in ["", "-wal", "-shm", "-journal"] {
            let _ = std::fs::remove_file(format!("{}{end}", self.0.display()));
        }
    }

    fn open(&self, max_bytes: Option<u64>, second: i64) -> Result<Store, String> {
        Store::open(Limits::DEFAULT, Some(&self.0), max_bytes, NOW + second * SECOND)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Takes messages with these latencies at a second after the start.
fn pass(store: &Store, second: i64, latencies: &[f64]) {
    let mut payload = payload("pay", vec![point(IN, 1, 2, latencies, latencies)]);
    payload.stats[0].start = (NOW + second * SECOND) as u64;
    take(store, payload, second);
}

fn take(store: &Store, payload: Payload, second: i64) {
    assert!(take_payload(store, None, &payload, NOW + second * SECOND));
}

fn commit(store: &Store, second: i64) {
    store.commit(NOW + second * SECOND).unwrap();
}

fn between(from: i64, to: i64) -> Asked {
    Asked { from_ms: Some(NOW / 1_000_000 + from * 1000), to_ms: Some(NOW / 1_000_000 + to * 1000) }
}

/// Messages of the only edge in a range, and quantiles.
fn quantiles(store: &Store, asked: Asked, second: i64) -> (u64, Vec<f64>) {
    let view = view(store, asked, NOW + second * SECOND);
    let Some(sum) = view.edge_sums.values().next() else { return (0, Vec::new()) };
    let quantile = |q| sum.stats.edge_latency.quantile(q).unwrap();
    assert_eq!(sum.stats.edge_latency.count(), sum.stats.messages as f64);
    assert_eq!(view.hop_sums.values().map(|sum| sum.stats.messages).sum::<u64>(), sum.stats.messages);
    (sum.stats.messages, [0.5, 0.9, 0.99, 1.0].map(quantile).into())
}

fn latency(n: i64) -> f64 {
    0.01 * 1.001f64.powi((n * 7919 % 5003) as i32)
}

/// Ten messages in every slot of some hours, written twice a minute.
fn hours(store: &Store, hours: i64) {
    for slot in 0..hours * 360 {
        let latencies: Vec<f64> = (slot * 10..slot * 10 + 10).map(latency).collect();
        pass(store, slot * 10, &latencies);
        if slot % 3 == 0 {
            commit(store, slot * 10 + 5);
        }
    }
}

#[test]
fn what_is_summed_up_keeps_counts_and_quantiles() {
    let store = Store::open(Limits::DEFAULT, None, None, NOW).unwrap();
    hours(&store, 4);
    let end = 4 * HOUR;
    commit(&store, end + 120);
    let exact = |from: i64, to: i64| {
        let mut values: Vec<f64> = (from..to).map(latency).collect();
        values.sort_by(f64::total_cmp);
        let at = |q: f64| values[(q * (values.len() - 1) as f64) as usize];
        (values.len() as u64, [0.5, 0.9, 0.99, 1.0].map(at).to_vec())
    };
    // All, an hour of which only minutes are kept, and some minutes of it; the last hour, and ten seconds of it.
    // Minutes begin 20 seconds after the start.
    for (from, to) in [(0, end), (20, 20 + HOUR), (620, 1220), (3 * HOUR, end), (end - 600, end - 590)] {
        let (messages, found) = quantiles(&store, between(from, to), end + 120);
        let (count, expected) = exact(from, to);
        assert_eq!(messages, count, "{from}..{to}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found / expected - 1.0).abs() < 0.01, "{from}..{to}: {found}, not {expected}");
        }
    }
    let cells = |level| {
        let (history, ()) = store.read(|_| ());
        let mut cells = history.db.prepare("SELECT count(*) FROM cells WHERE level = ?1").unwrap();
        cells.query_row([level], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert!(cells(0) <= 2 * 360 + 30, "ten seconds are kept for two hours: {}", cells(0));
    assert!((239..=241).contains(&cells(1)) && (3..=5).contains(&cells(2)), "{} {}", cells(1), cells(2));
    let (bytes, real): ([i64; 4], Vec<i64>) = {
        let (history, ()) = store.read(|_| ());
        let sum = "SELECT coalesce(sum(length(stats)), 0) FROM cells WHERE level = ?1";
        let real = (0..4).map(|level| history.db.query_row(sum, [level], |row| row.get(0)).unwrap()).collect();
        (history.bytes, real)
    };
    assert_eq!(bytes.to_vec(), real, "what levels take is known without looking");
}

#[test]
fn what_comes_late_is_where_it_belongs() {
    let store = Store::open(Limits::DEFAULT, None, None, NOW).unwrap();
    hours(&store, 4);
    let now = 4 * HOUR + 300;
    commit(&store, now);
    let before = quantiles(&store, between(600, 660), now).0;
    let all = quantiles(&store, Asked::default(), now).0;
    // Of a minute that is summed up, of which only minutes are kept, and of a time before the start.
    for second in [3 * HOUR, 610, -HOUR] {
        pass(&store, second, &[1.0; 5]);
        assert!(take_payload(&store, None, &payload("pay", vec![]), NOW + now * SECOND));
    }
    for committed in [false, true] {
        if committed {
            commit(&store, now + 1);
        }
        assert_eq!(quantiles(&store, between(600, 660), now + 1).0, before + 5, "committed: {committed}");
        assert_eq!(quantiles(&store, Asked::default(), now + 1).0, all + 15);
        assert_eq!(quantiles(&store, between(-HOUR - 600, -HOUR + 600), now + 1).0, 5);
    }
}

#[test]
fn ends_of_ranges() {
    let store = Store::open(Limits::DEFAULT, None, None, NOW).unwrap();
    for slot in 0..6 {
        pass(&store, slot * 10, &vec![0.1; 1 << slot]);
    }
    commit(&store, 60);
    let messages = |from, to| quantiles(&store, between(from, to), 60).0;
    assert_eq!(messages(0, 60), 63);
    assert_eq!(messages(10, 30), 6, "half open");
    assert_eq!(messages(11, 29), 6, "widened to slots");
    assert_eq!(messages(11, 12), 2);
    assert_eq!(messages(60, 70), 0);
    assert_eq!(messages(-100, 0), 0);
    let ms = |asked| view(&store, asked, NOW + 60 * SECOND).range.ms();
    let start = NOW / 1_000_000;
    assert_eq!(ms(between(11, 29)), (start + 10_000, start + 30_000));
    assert_eq!(ms(Asked::default()), (start, start + 70_000), "all that is kept, to the end of the slot");
    assert_eq!(ms(Asked::last(15, NOW + 60 * SECOND)), (start + 40_000, start + 70_000));
}

#[test]
fn clocks_that_are_off() {
    let store = Store::open(Limits::DEFAULT, None, None, NOW).unwrap();
    for start in [NOW + 50 * SECOND, NOW + HOUR * SECOND, NOW - 40 * 24 * HOUR * SECOND, 0, i64::MAX] {
        let mut payload = payload("pay", vec![point(IN, 1, 2, &[0.1], &[0.1])]);
        payload.stats[0].start = start as u64;
        take(&store, payload, 0);
    }
    for _ in 0..2 {
        assert_eq!(quantiles(&store, Asked::default(), 0).0, 5, "all count");
        assert_eq!(quantiles(&store, Asked::last(300, NOW), 0).0, 5, "now, when their time cannot be");
        commit(&store, 0);
    }
    assert_eq!(store.model().received.misdated, 4);
}

#[test]
fn a_clock_that_was_years_ahead() {
    // A machine without a battery starts anywhere, and its clock is set later.
    let ahead = 4 * 365 * 24 * HOUR;
    let file = File::new("ahead");
    let begun = || {
        file.remove();
        let store = file.open(None, ahead).unwrap();
        pass(&store, ahead, &[0.1; 3]);
        commit(&store, ahead);
        commit(&store, ahead + 100);
        store
    };
    let goes_on = |store: &Store| {
        for second in [0, 10, 20] {
            pass(store, second, &[0.2; 5]);
            commit(store, second);
        }
        commit(store, 200);
        assert_eq!(quantiles(store, between(0, 30), 200).0, 15);
        assert_eq!(quantiles(store, between(10, 20), 200).0, 5, "as finely as ever");
    };
    goes_on(&begun());
    drop(begun());
    goes_on(&file.open(None, 0).unwrap());
}

/// Everything that answers tell, but for what is of this process.
fn told(store: &Store, second: i64) -> serde_json::Value {
    let mut graph = graph_at(store, NOW + second * SECOND);
    for of_the_process in ["started_ms", "received", "cut", "history", "changes"] {
        graph.as_object_mut().unwrap().remove(of_the_process);
    }
    // That of the first seconds is told from when the first report came, which is not kept.
    for edge in graph["edges"].as_array_mut().unwrap() {
        assert!((edge["rate"].take().as_f64().unwrap() - 0.35).abs() < 0.02);
    }
    graph
}

fn offsets(committed: i64, end: i64) -> Vec<Backlog> {
    let of = |tags: &[&str], value| Backlog { tags: tags.iter().map(|&tag| tag.into()).collect(), value };
    vec![
        of(&["type:kafka_commit", "topic:orders", "partition:0", "consumer_group:pay"], committed),
        of(&["type:kafka_high_watermark", "topic:orders", "partition:0"], end),
    ]
}

#[test]
fn a_restart_changes_nothing() {
    let file = File::new("restart");
    let store = file.open(None, 0).unwrap();
    for slot in 0..20 {
        let mut payload = payload("pay", vec![point(IN, 1, 2, &[0.2; 5], &[0.3; 5])]);
        payload.stats[0].start = (NOW + slot * 10 * SECOND) as u64;
        payload.stats[0].backlogs = offsets(100 + 10 * slot, 150 + 15 * slot);
        let id = format!("id-{slot}");
        assert!(take_payload(&store, Some(&id), &payload, NOW + slot * 10 * SECOND));
        let mut origin = crate::tests::payload("orders", vec![point(OUT, 0, 1, &[0.0; 5], &[0.0; 5])]);
        origin.stats[0].start = (NOW + slot * 10 * SECOND) as u64;
        take(&store, origin, slot * 10);
    }
    commit(&store, 200);
    let before = told(&store, 300);
    assert!(before["edges"][0]["lag"]["seconds"].as_f64().unwrap() > 1.0, "{before:#}");
    drop(store);
    let store = file.open(None, 250).unwrap();
    assert_eq!(told(&store, 300), before);
    let again = |id: &str| take_payload(&store, Some(id), &payload("pay", vec![]), NOW + 300 * SECOND);
    assert!(!again("id-0") && !again("id-19") && again("id-20"), "ids are known");
    // What comes now goes on where the rest is.
    pass(&store, 290, &[0.2]);
    let after = told(&store, 300);
    assert_eq!(after["edges"].as_array().unwrap().len(), before["edges"].as_array().unwrap().len());
    let messages = |graph: &serde_json::Value| graph["edges"][0]["messages"].as_u64().unwrap();
    assert_eq!(messages(&after), messages(&before) + 1);
}

#[test]
fn a_group_that_has_read_nothing_is_there_after_a_restart() {
    let file = File::new("nothing-read");
    let store = file.open(None, 0).unwrap();
    let mut payload = payload("pay", vec![]);
    payload.stats[0].backlogs = offsets(0, 5);
    take(&store, payload, 0);
    commit(&store, 10);
    let before = store.model().backlogs.lags();
    assert_eq!((before.len(), before[0].messages), (1, Some(5)));
    drop(store);
    let store = file.open(None, 30).unwrap();
    commit(&store, 30);
    assert_eq!(store.model().backlogs.lags(), before);
    drop(store);
    assert_eq!(file.open(None, 60).unwrap().model().backlogs.lags(), before, "and after another");
}

#[test]
fn what_is_old_is_forgotten() {
    let file = File::new("old");
    let store = file.open(None, 0).unwrap();
    let mut first = payload("pay", vec![point(IN, 1, 2, &[0.2], &[0.2])]);
    first.stats[0].backlogs = offsets(1, 2);
    take(&store, first, 0);
    commit(&store, 0);
    let day = 24 * HOUR;
    for (second, known) in [(10 * day, 1), (29 * day, 1), (33 * day, 0)] {
        commit(&store, second);
        commit(&store, second + 1);
        let (messages, _) = quantiles(&store, Asked::default(), second);
        assert_eq!((messages, store.model().edges.iter().count()), (known, known as usize), "day {}", second / day);
    }
    assert_eq!(store.model().hops.len(), 0);
    assert_eq!(store.model().backlogs.lags(), []);
    drop(store);
    let store = file.open(None, 33 * day).unwrap();
    assert_eq!(store.model().edges.iter().count(), 0);
    let (history, ()) = store.read(|_| ());
    for table in ["cells", "edges", "hops", "series", "offsets"] {
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(history.db.query_row(&count, [], |row| row.get::<_, i64>(0)), Ok(0), "{table}");
    }
}

#[test]
fn what_a_forgotten_hop_left_stays_in_its_edge() {
    let file = File::new("forgotten");
    let limits = Limits { max_hops: 1, ..Limits::DEFAULT };
    let open = |second: i64| Store::open(limits, Some(&file.0), None, NOW + second * SECOND).unwrap();
    let hop = |store: &Store, hash: u64, count: usize, second: i64| {
        let latencies = vec![0.1; count];
        let mut payload = payload("pay", vec![point(IN, 1, hash, &latencies, &latencies)]);
        payload.stats[0].start = (NOW + second * SECOND) as u64;
        take(store, payload, second);
        commit(store, second);
    };
    let store = open(0);
    hop(&store, 2, 5, 0);
    // The first is idle, and gives way; the second does, too.
    hop(&store, 3, 7, 400);
    hop(&store, 4, 9, 800);
    drop(store);
    let store = open(1200);
    hop(&store, 5, 11, 1200);
    let view = view(&store, Asked::default(), NOW + 1200 * SECOND);
    let [(_, known)] = view.hops.as_slice() else { panic!("{:?}", view.hops) };
    assert_eq!(view.hop_sums[&known.id].stats.messages, 11, "what others left is not its own");
    assert_eq!(view.edge_sums.values().map(|sum| sum.stats.messages).sum::<u64>(), 32, "it is in the edge");
}

#[test]
fn the_size_is_bounded() {
    let file = File::new("bounded");
    let max = 2 << 20;
    let store = file.open(Some(max), 0).unwrap();
    // Sketches as wide as a client can send: some MiB in every slot.
    let wide: Vec<f64> = (0..2000).map(|n| 1e-6 * 1.016f64.powi(n)).collect();
    let one = point(IN, 0, 1, &wide, &wide);
    let points = (0..20).map(|n| Point {
        edge_tags: ["direction:in".into(), format!("topic:t{n}").into(), "type:kafka".into()].into(),
        hash: n + 1,
        ..one.clone()
    });
    let points: Vec<Point> = points.collect();
    for slot in 0..40 {
        let mut payload = payload("wide", points.clone());
        payload.stats[0].start = (NOW + slot * 10 * SECOND) as u64;
        take(&store, payload, slot * 10);
        commit(&store, slot * 10);
    }
    let (history, ()) = store.read(|_| ());
    assert!(history.size().unwrap() <= max && history.dropped_cells > 0, "{:?}", history.state());
    assert_eq!(history.waiting(), 0, "{:?}", history.state());
    drop(history);
    assert!(std::fs::metadata(&file.0).unwrap().len() <= max + (64 << 10));
    let view = view(&store, Asked::last(20, NOW + 390 * SECOND), NOW + 390 * SECOND);
    let latest: u64 = view.edge_sums.values().map(|sum| sum.stats.messages).sum();
    assert!(latest >= 20 * 2000, "the oldest is dropped first: {latest} of the last slots");
}

#[test]
fn what_cannot_be_written_waits() {
    let limits = Limits { max_waiting: 200_000, ..Limits::DEFAULT };
    let store = Store::open(limits, None, None, NOW).unwrap();
    let refuse_writes = |refuse: bool| store.read(|_| ()).0.db.pragma_update(None, "query_only", refuse).unwrap();
    pass(&store, 0, &[0.1; 3]);
    refuse_writes(true);
    let error = store.commit(NOW).unwrap_err();
    assert!(error.contains("cannot write the history in memory"), "{error}");
    assert_eq!(store.commit(NOW), Ok(()), "told once");
    assert_eq!(quantiles(&store, Asked::default(), 0).0, 3, "it is there nevertheless");
    assert!(graph_at(&store, NOW)["history"]["error"].is_string());
    // It does not grow without bound.
    for slot in 1..2000 {
        pass(&store, slot * 10, &[0.1; 3]);
        store.commit(NOW + slot * 10 * SECOND).unwrap();
    }
    let waiting = store.read(|_| ()).0.waiting();
    assert!((100_000..400_000).contains(&waiting), "{waiting}");
    let cut = store.model().cut.history_messages;
    assert_eq!(quantiles(&store, Asked::default(), 20_000).0 + cut, 6000);
    assert!(cut > 0 && cut < 6000);
    refuse_writes(false);
    commit(&store, 20_001);
    assert_eq!(store.read(|_| ()).0.waiting(), 0);
    assert_eq!(quantiles(&store, Asked::default(), 20_001).0 + cut, 6000, "written, once");
    assert!(graph_at(&store, NOW + 20_001 * SECOND)["history"]["error"].is_null());
}

#[test]
fn files_that_cannot_be_used() {
    let file = File::new("unusable");
    let path = file.0.display().to_string();
    let fails = |with: &str| {
        let sentence = file.open(None, 0).err().unwrap_or_else(|| panic!("it opens, where {with:?} was expected"));
        assert!(sentence.starts_with(&format!("cannot keep the history in {path}: ")), "{sentence}");
        assert!(sentence.contains(with), "{sentence}");
    };
    std::fs::write(&file.0, "a letter to my mother, which is longer than the header of a database is".repeat(9))
        .unwrap();
    fails("the file is something else; choose another with --data");
    file.remove();
    let other = rusqlite::Connection::open(&file.0).unwrap();
    other.execute_batch("CREATE TABLE letters (text TEXT)").unwrap();
    drop(other);
    fails("the file is something else");
    file.remove();

    let store = file.open(None, 0).unwrap();
    for slot in 0..40 {
        pass(&store, slot * 10, &(0..500).map(latency).collect::<Vec<_>>());
    }
    commit(&store, 400);
    fails("another collector has it open; choose another file with --data");
    drop(store);
    drop(file.open(None, 400).unwrap());
    // In its middle, and in its first pages.
    let whole = std::fs::read(&file.0).unwrap();
    assert!(whole.len() > 60_000, "{}", whole.len());
    for at in [whole.len() / 2, 4096, 200] {
        let mut damaged = whole.clone();
        damaged[at..at + 3000].fill(0xa5);
        std::fs::write(&file.0, damaged).unwrap();
        fails("the file is damaged");
        fails(&format!("move it away with `mv {path} {path}.damaged` to begin a new one"));
    }
    std::fs::write(&file.0, &whole[..whole.len() / 2]).unwrap();
    fails("the file is damaged");
    std::fs::write(&file.0, &whole).unwrap();
    let newer = rusqlite::Connection::open(&file.0).unwrap();
    newer.pragma_update(None, "user_version", 2).unwrap();
    drop(newer);
    fails("the file is of a newer version of datastreams (form 2, this one knows 1); use that version");

    let open = |path: &Path| Store::open(Limits::DEFAULT, Some(path), None, NOW).err().unwrap();
    assert!(open(&std::env::temp_dir()).contains("it is a directory; name a file in it with --data"));
    let nowhere = open(Path::new("/nowhere/at/all.db"));
    assert!(nowhere.ends_with("the directory does not exist; make it, or choose another with --data"), "{nowhere}");
    let in_proc = open(Path::new("/proc/history.db"));
    assert!(in_proc.contains("must be writable; choose another with --data"), "{in_proc}");
}
