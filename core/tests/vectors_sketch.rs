//! The vectors of the reference for sketches, and what libdatadog reads and writes.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests fail like tests

use datastreams_core::sketch::{Bins, Interpolation, Mapping, Sketch, SketchError, index};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/sketch.json")).unwrap()
}

fn list(value: &Value, name: &str) -> Vec<Value> {
    value[name].as_array().unwrap().clone()
}

fn float(bits: &Value) -> f64 {
    f64::from_bits(bits.as_str().unwrap().parse().unwrap())
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digit = |digit: u8| (digit as char).to_digit(16).unwrap() as u8;
    hex.as_str().unwrap().as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn mapping(case: &Value) -> Mapping {
    let interpolation = Interpolation::from_number(case["interpolation"].as_u64().unwrap()).unwrap();
    Mapping::new(float(&case["gamma_bits"]), float(&case["offset_bits"]), interpolation).unwrap()
}

fn encoded(sketch: &Sketch) -> Vec<u8> {
    let mut out = Vec::new();
    sketch.encode(&mut out);
    out
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * b.abs()
}

#[test]
fn every_list_has_cases() {
    for name in ["index", "mappings", "encode", "decode", "merge", "refused"] {
        assert!(list(&vectors(), name).len() >= 9, "{name}");
    }
}

#[test]
fn indexes() {
    for case in list(&vectors(), "index") {
        assert_eq!(index(float(&case["bits"])), case["index"].as_i64().unwrap() as i32, "{case}");
    }
}

#[test]
fn mappings() {
    for case in list(&vectors(), "mappings") {
        let mapping = mapping(&case);
        assert!(near(mapping.accuracy(), case["accuracy"].as_f64().unwrap()), "{mapping:?}");
        for bin in list(&case, "bins") {
            let index = bin["index"].as_i64().unwrap() as i32;
            assert_eq!(mapping.index(float(&bin["bits"])), index, "{mapping:?} {bin}");
            let stands = mapping.value(index);
            assert!(near(stands, bin["stands"].as_f64().unwrap()), "{mapping:?} {bin}: {stands}");
        }
    }
}

#[test]
fn encoding() {
    for case in list(&vectors(), "encode") {
        let mut sketch = Sketch::with_mapping(mapping(&case));
        let mut bins = Bins::new();
        let mut recordable = sketch.mapping().same(&Mapping::CANONICAL);
        for value in list(&case, "values") {
            assert!(sketch.add(float(&value)));
            bins.add(float(&value));
            recordable &= float(&value) >= 0.0;
        }
        assert_eq!(encoded(&sketch), bytes(&case["hex"]), "{}", case["origin"]);
        if recordable {
            let mut out = Vec::new();
            bins.encode(&mut out);
            assert_eq!(out, bytes(&case["hex"]), "bins: {}", case["origin"]);
            assert_eq!(encoded(&bins.to_sketch()), out);
        }
    }
}

#[test]
fn decoding() {
    for case in list(&vectors(), "decode") {
        let sketch = Sketch::decode(&bytes(&case["hex"])).unwrap();
        assert_eq!(encoded(&sketch), bytes(&case["canonical"]), "{}", case["origin"]);
        assert_eq!(sketch.count(), case["count"].as_f64().unwrap());
        assert_eq!(sketch.zero_count(), case["zero"].as_f64().unwrap());
        assert_eq!(sketch.is_empty(), sketch.count() == 0.0);
        assert_eq!(sketch.is_empty(), sketch.quantile(0.5).is_none());
        for pair in list(&case, "quantiles") {
            let (q, expected) = (pair[0].as_f64().unwrap(), pair[1].as_f64().unwrap());
            let value = sketch.quantile(q).unwrap();
            assert!(near(value, expected), "{} at {q}: {value}, not {expected}", case["origin"]);
        }
    }
}

#[test]
fn merging() {
    for case in list(&vectors(), "merge") {
        let of: Vec<_> = list(&case, "of").iter().map(|hex| Sketch::decode(&bytes(hex)).unwrap()).collect();
        let mut merged = of[0].clone();
        of[1..].iter().for_each(|other| merged.merge(other));
        assert_eq!(encoded(&merged), bytes(&case["hex"]), "{}", case["name"]);
    }
}

#[test]
fn refusing() {
    for case in list(&vectors(), "refused") {
        let expected = match case["error"].as_str().unwrap() {
            "truncated" => SketchError::Truncated,
            "malformed" => SketchError::Malformed,
            "mapping" => SketchError::Mapping,
            "count" => SketchError::Count,
            "index" => SketchError::Index,
            other => panic!("{other}"),
        };
        assert_eq!(Sketch::decode(&bytes(&case["hex"])).err(), Some(expected), "{}", case["name"]);
    }
    assert_eq!(Sketch::decode(&vec![0; (1 << 20) + 1]).err(), Some(SketchError::TooLong));
}

fn samples() -> impl Iterator<Item = f64> {
    let mut state = 7_u64;
    (0..5000).map(move |_| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let unit = (state >> 11) as f64 / (1_u64 << 53) as f64;
        if unit < 0.01 { 0.0 } else { 1e-3 * (12.0 * unit).exp() }
    })
}

#[test]
fn libdatadog_reads_ours() {
    let mut bins = Bins::new();
    let mut exact = 0.0;
    for value in samples() {
        bins.add(value);
        exact += value;
    }
    let mut out = Vec::new();
    bins.encode(&mut out);
    let theirs = libdd_ddsketch::DDSketch::from_encoded(&out).expect("libdatadog refuses our bytes");
    assert_eq!(theirs.count(), 5000.0);
    let sum: f64 = theirs.ordered_bins().into_iter().map(|(value, count)| value * count).sum();
    assert!((sum / exact - 1.0).abs() <= Mapping::CANONICAL.accuracy(), "{sum}, exact {exact}");
    // What it writes is the same sketch again.
    assert_eq!(encoded(&Sketch::decode(&theirs.encode_to_vec()).unwrap()), out);
}

#[test]
fn we_read_libdatadogs() {
    let mut theirs = libdd_ddsketch::DDSketch::default();
    let mut ours = Sketch::with_mapping(Mapping::new(1.015625, 1338.5, Interpolation::None).unwrap());
    for value in samples() {
        theirs.add(value).unwrap();
        ours.add(value);
    }
    let bins: Vec<_> = theirs.ordered_bins().into_iter().filter(|&(_, count)| count > 0.0).collect();
    let read = Sketch::decode(&theirs.encode_to_vec()).unwrap();
    assert_eq!(read.count(), 5000.0);
    assert_eq!(encoded(&read), encoded(&ours));
    assert_eq!(read.values().count(), bins.len());
    for (ours, theirs) in read.values().zip(&bins) {
        assert!((ours.0 - theirs.0).abs() <= 1e-9 * theirs.0 && ours.1 == theirs.1, "{ours:?} {theirs:?}");
    }
}
