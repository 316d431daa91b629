use super::*;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// A sketch of `count` zeros with the canonical mapping.
fn zeros(count: f64) -> Vec<u8> {
    let mut sketch = vec![0x0a, 0x09, 0x09, 0, 0, 0, 0, 0, 0x40, 0xf0, 0x3f, 0x21];
    sketch.extend(count.to_le_bytes());
    sketch
}

fn tags(tags: &[&str]) -> Tags {
    tags.iter().map(|&tag| Box::from(tag)).collect()
}

fn point(hash: u64, count: f64, timestamp_type: Option<TimestampType>) -> Point {
    Point {
        edge_tags: tags(&["direction:in", "type:kafka"]),
        hash,
        pathway_latency: zeros(count),
        edge_latency: zeros(count),
        payload_size: zeros(count),
        timestamp_type,
        ..Point::default()
    }
}

/// Reads, both ways.
fn read(bytes: &[u8]) -> Result<Payload, PayloadError> {
    let payload = Payload::decode(bytes);
    assert_eq!(Borrowed::read(bytes).map(own), payload);
    payload
}

/// A copy of what was borrowed.
fn own(payload: Borrowed<'_>) -> Payload {
    let tags = |tags: BorrowedTags<'_>| tags.iter().map(|tag| Box::from(&*tag)).collect();
    let point = |point: Point<BorrowedTags<'_>, &[u8]>| Point {
        edge_tags: tags(point.edge_tags),
        hash: point.hash,
        parent_hash: point.parent_hash,
        pathway_latency: point.pathway_latency.to_vec(),
        edge_latency: point.edge_latency.to_vec(),
        payload_size: point.payload_size.to_vec(),
        timestamp_type: point.timestamp_type,
        service: point.service,
    };
    let backlog = |backlog: Backlog<BorrowedTags<'_>>| Backlog { tags: tags(backlog.tags), value: backlog.value };
    let bucket = |bucket: Bucket<BorrowedTags<'_>, &[u8]>| Bucket {
        start: bucket.start,
        duration: bucket.duration,
        stats: bucket.stats.into_iter().map(point).collect(),
        backlogs: bucket.backlogs.into_iter().map(backlog).collect(),
        transactions: bucket.transactions.to_vec(),
        transaction_checkpoint_ids: bucket.transaction_checkpoint_ids.to_vec(),
        schema_registry_usages: bucket.schema_registry_usages,
        configs: bucket.configs,
    };
    Payload {
        env: payload.env,
        service: payload.service,
        primary_tag: payload.primary_tag,
        version: payload.version,
        tracer_version: payload.tracer_version,
        lang: payload.lang,
        hostname: payload.hostname,
        stats: payload.stats.into_iter().map(bucket).collect(),
        tags: payload.tags,
        process_tags: payload.process_tags,
        product_mask: payload.product_mask,
        is_in_default_state: payload.is_in_default_state,
    }
}

fn record(name: u8, id: &[u8]) -> Vec<u8> {
    [&[name][..], &1_700_000_000_000_000_000i64.to_be_bytes(), &[id.len() as u8], id].concat()
}

#[test]
fn the_captured_payload_of_ddtrace() {
    let file = std::fs::read_to_string("../tests/vectors/captured.json").unwrap();
    let vectors: serde_json::Value = serde_json::from_str(&file).unwrap();
    for vector in vectors["payloads"].as_array().unwrap() {
        let hex: String = vector["hex"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let payload = read(&bytes).unwrap();
        let expect = &vector["expect"];
        assert_eq!(payload.env, expect["env"]);
        assert_eq!(payload.service, expect["service"]);
        assert_eq!(payload.tracer_version, expect["tracer_version"]);
        assert_eq!(payload.lang, expect["lang"]);
        assert_eq!(payload.hostname, expect["hostname"]);
        assert_eq!(payload.process_tags.len() as u64, expect["process_tags"].as_u64().unwrap());
        assert_eq!(payload.messages(), expect["messages"].as_u64().unwrap());
        let buckets = expect["buckets"].as_array().unwrap();
        assert_eq!(payload.stats.len(), buckets.len());
        for (bucket, expect) in payload.stats.iter().zip(buckets) {
            assert_eq!(bucket.start.to_string(), expect["start"]);
            assert_eq!(bucket.duration.to_string(), expect["duration"]);
            let points: Vec<_> = bucket
                .stats
                .iter()
                .map(|point| {
                    assert_eq!(point.timestamp_type, None);
                    let (hash, parent) = (point.hash.to_string(), point.parent_hash.to_string());
                    serde_json::json!({"hash": hash, "parent_hash": parent, "edge_tags": &*point.edge_tags})
                })
                .collect();
            assert_eq!(points, *expect["points"].as_array().unwrap());
            let backlogs: Vec<_> = bucket
                .backlogs
                .iter()
                .map(|backlog| serde_json::json!({"tags": &*backlog.tags, "value": backlog.value}))
                .collect();
            assert_eq!(backlogs, *expect["backlogs"].as_array().unwrap());
        }
        assert_eq!(read(&payload.encode().unwrap()).unwrap(), payload);
    }
}

#[test]
fn canonical_bytes() {
    let payload = Payload {
        service: "s".into(),
        product_mask: Some(PRODUCT_DATA_STREAMS),
        stats: vec![Bucket {
            start: 10_000_000_000,
            duration: 10_000_000_000,
            stats: vec![Point {
                hash: u64::MAX,
                parent_hash: 1,
                pathway_latency: vec![1],
                timestamp_type: Some(TimestampType::Origin),
                service: Some("never written".into()),
                ..Point::default()
            }],
            backlogs: vec![Backlog { tags: tags(&["type:x"]), value: 300 }],
            ..Bucket::default()
        }],
        ..Payload::default()
    };
    let ten = [0xcf, 0, 0, 0, 2, 0x54, 0x0b, 0xe4, 0];
    let expected = [
        b"\x83\xa7Service\xa1s\xa5Stats\x91\x84\xa5Start" as &[u8],
        &ten,
        b"\xa8Duration",
        &ten,
        b"\xa5Stats\x91\x85\xa4Hash\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xaaParentHash\x01",
        b"\xaePathwayLatency\xc4\x01\x01\xabEdgeLatency\xc4\x00\xadTimestampType\xa6origin",
        b"\xa8Backlogs\x91\x82\xa4Tags\x91\xa6type:x\xa5Value\xcd\x01\x2c\xabProductMask\x02",
    ]
    .concat();
    assert_eq!(payload.encode().unwrap(), expected);
}

#[test]
fn wide_headers_nil_and_unknown_keys() {
    let read = |bytes: &[u8]| read(bytes).unwrap();
    // map32, array32, Env nil, text as bin, integers of every width, a signed hash, keys from the future.
    let bytes = [
        b"\xdf\x00\x00\x00\x05\xa3Env\xc0\xa7Service\xc4\x03svc\xa4Tags\xc0\xa6Future\x82\x01\x91\xc7\x01\x05x\xa1y\xc0"
            as &[u8],
        b"\xa5Stats\xdd\x00\x00\x00\x01\xde\x00\x04\xa5Start\xd3\x00\x00\x00\x02\x54\x0b\xe4\x00\xa8Duration\xcb",
        &1e10f64.to_be_bytes(),
        b"\xa8Backlogs\x91\x82\xa5Value\xc0\xa4Tags\x91\xa3k:v\xa5Stats\xdc\x00\x01\xdf\x00\x00\x00\x03\xa4Hash\xff",
        b"\xaaParentHash\xcd\x01\x00\xabEdgeLatency\xc6\x00\x00\x00\x02ab",
    ]
    .concat();
    let payload = read(&bytes);
    assert_eq!((&*payload.env, &*payload.service, payload.tags.len()), ("", "svc", 0));
    let bucket = &payload.stats[0];
    assert_eq!((bucket.start, bucket.duration), (10_000_000_000, 10_000_000_000));
    assert_eq!(bucket.backlogs, [Backlog { tags: tags(&["k:v"]), value: 0 }]);
    assert_eq!((bucket.stats[0].hash, bucket.stats[0].parent_hash), (u64::MAX, 256));
    assert_eq!(bucket.stats[0].edge_latency, b"ab");
    assert_eq!(read(b"\x82\xa7Service\xa3a\xffb\xa5Stats\x90").service, "a\u{fffd}b", "not UTF-8");
}

#[test]
fn refusals_say_where_and_why() {
    let refuse = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    let at = |n, reason: &str| format!("the payload cannot be read at byte {n}: {reason}");
    assert_eq!(refuse(b""), at(0, "it ends too early"));
    assert_eq!(refuse(b"\x93"), at(0, "a payload must be a map, not a list"));
    assert_eq!(refuse(b"\x80"), at(1, "it has no Service"));
    assert_eq!(refuse(b"\x81\xa7Service\xa1s"), at(11, "it has no Stats"));
    assert_eq!(refuse(b"\x82\xa7Service\xa1s\xa5Stats\x01"), at(17, "Stats must be a list, not an integer"));
    assert_eq!(refuse(b"\x82\xa7Service\xa1s\xa5Stats\xdd\xff\xff\xff\xff"), at(18, "it ends too early"));
    assert_eq!(refuse(b"\x82\xa7Service\xa1s\xa5Stats\x91\x80"), at(19, "a bucket has no Start"));
    assert_eq!(refuse(b"\x82\xa7Service\xa1s\xa5Stats\x90\x80"), at(18, "1 bytes follow the payload"));
    assert_eq!(refuse(b"\x81\xc1"), at(1, "0xc1 is no msgpack"));
    let point = b"\x82\xa7Service\xa1s\xa5Stats\x91\x82\xa5Start\x01\xa5Stats\x91\x81";
    assert!(refuse(&[&point[..], b"\xaaParentHash\x01"].concat()).ends_with("a point has no Hash"));
    let odd = [&point[..], b"\xadTimestampType\xa4late"].concat();
    assert!(refuse(&odd).ends_with("TimestampType is \"late\", neither \"current\" nor \"origin\""));
    let negative = b"\x82\xa7Service\xa1s\xa5Stats\x91\x81\xa5Start\xff";
    assert_eq!(refuse(negative), at(25, "Start is -1"));
}

#[test]
fn a_known_key_comes_once() {
    let head = b"\x82\xa7Service\xa1s\xa5Stats\x91";
    let bucket = [&head[..], b"\x82\xa5Start\x01\xa5Stats\x91"].concat();
    let option = b"\x82\xa5Start\x01\xa7Configs\x91\x81\xa6Config\x82\xa1a\xa1b\xa1a\xa1c";
    for (bytes, reason) in [
        (b"\x83\xa5Stats\x90\xa7Service\xa1s\xa5Stats\x90".to_vec(), "a map has Stats twice"),
        ([&head[..], b"\x83\xa5Start\x01\xa5Stats\x90\xa5Stats\x90"].concat(), "a map has Stats twice"),
        ([&bucket[..], b"\x82\xa4Hash\x01\xc4\x04Hash\x01"].concat(), "a map has Hash twice"),
        ([&head[..], option].concat(), "Config has a twice"),
    ] {
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.ends_with(reason), "{error}");
    }
    // What is unknown is passed over, as often as it comes, and hides nothing.
    let mut many = [b"\xde\x00\x1b\xa7Service\xa1s\xa5Stats\x90", &b"\xa1x\x01".repeat(25)[..]].concat();
    assert!(read(&many).is_ok());
    many[2] += 1;
    many.extend(b"\xa5Stats\x90");
    assert!(read(&many).unwrap_err().to_string().ends_with("a map has Stats twice"));
}

#[test]
fn memory_is_bounded() {
    // A million empty tags are a million bytes, but take 16 bytes and a growing list each.
    let mut bytes = b"\x83\xa7Service\xa1s\xa5Stats\x90\xa4Tags\xdd\x00\x98\x96\x80".to_vec();
    bytes.resize(bytes.len() + 10_000_000, 0xa0);
    assert_eq!(read(&bytes), Err(PayloadError::TooLarge(MAX_DECODED)));
    // Nesting costs nothing: unknown values are passed over without recursion.
    let mut deep = b"\x83\xa7Service\xa1s\xa5Stats\x90\xa1x".to_vec();
    deep.resize(deep.len() + 10_000_000, 0x91);
    deep.push(0xc0);
    assert!(read(&deep).is_ok());
}

#[test]
fn messages_and_transactions_are_counted_once() {
    let records = [record(1, b"a"), record(2, b""), record(1, &[b'x'; 255])].concat();
    let payload = Payload {
        stats: vec![
            Bucket {
                stats: vec![
                    point(1, 3.0, None),
                    point(2, 4.0, Some(TimestampType::Current)),
                    point(2, 4.0, Some(TimestampType::Origin)),
                ],
                ..Bucket::default()
            },
            Bucket { transactions: records, ..Bucket::default() },
        ],
        ..Payload::default()
    };
    assert_eq!(payload.messages(), 7);
    assert_eq!(payload.transactions(), 3);
}

#[test]
fn counts_of_every_store_kind() {
    let of = |hex: &str| {
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        Point { edge_latency: bytes, ..Point::default() }.messages()
    };
    // The live captures of ddtrace (one 0, one 49) and dd-trace-js (one 0).
    assert_eq!(of("0a1209000000000040f03f110000000000ea944012001a0021000000000000f03f"), 1);
    assert_eq!(of("0a1209000000000040f03f110000000000ea9440120d1208000000000000f03f18ea181a00"), 1);
    assert_eq!(of("0a1409fd4a815abf52f03f1100000000000000001800120218001a02180021000000000000f03f"), 1);
    assert_eq!(of(""), 0);
    // A map of bins, 2 in bin 1, and negative values beside it, 3 in bin 0.
    assert_eq!(
        of("0a1209000000000040f03f110000000000ea9440120d0a0b08021100000000000000401a0d0a0b0800110000000000000840"),
        5
    );
}

#[test]
fn halves_down_to_single_items() {
    let bucket = |start| Bucket {
        start,
        duration: 10,
        stats: vec![point(start, 1.0, None), point(start + 1, 1.0, None)],
        backlogs: vec![Backlog { tags: tags(&["k:v"]), value: start as i64 }],
        transactions: [record(1, b"one"), record(2, b"two"), vec![9, 9]].concat(),
        transaction_checkpoint_ids: b"\x01\x01a\x02\x01b".to_vec(),
        schema_registry_usages: vec![SchemaRegistryUsage::default()],
        configs: vec![KafkaConfig::default()],
    };
    let payload =
        Payload { service: "s".into(), stats: vec![bucket(10), bucket(20), bucket(30)], ..Payload::default() };
    let (mut todo, mut single) = (vec![payload.clone()], Vec::new());
    while let Some(next) = todo.pop() {
        match next.halves() {
            Halves::One(one) => single.push(*one),
            Halves::Two(two) => {
                let [first, second] = *two;
                todo.extend([second, first]);
            }
        }
    }
    assert_eq!(single.len(), 3 * 8);
    let mut joined = payload.clone();
    joined.stats = Vec::new();
    for one in single {
        assert_eq!((one.service, one.stats.len()), ("s".into(), 1));
        for part in one.stats {
            assert_eq!(part.transactions.is_empty(), part.transaction_checkpoint_ids.is_empty(), "the names go along");
            match joined.stats.last_mut() {
                Some(last) if last.start == part.start => {
                    last.stats.extend(part.stats);
                    last.backlogs.extend(part.backlogs);
                    last.transactions.extend(part.transactions);
                    last.schema_registry_usages.extend(part.schema_registry_usages);
                    last.configs.extend(part.configs);
                    if !part.transaction_checkpoint_ids.is_empty() {
                        last.transaction_checkpoint_ids = part.transaction_checkpoint_ids;
                    }
                }
                _ => joined.stats.push(part),
            }
        }
    }
    assert_eq!(joined, payload, "nothing lost, nothing twice, order kept");
    let empty = Payload { stats: vec![Bucket::default(), Bucket::default()], ..Payload::default() };
    assert_eq!(empty.clone().halves(), Halves::One(Box::new(empty)));
}

#[test]
fn gzip_there_and_back_within_limits() {
    let raw: Vec<u8> = (0..100_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    let gz = gzip(&raw).unwrap();
    assert!(gz.len() < raw.len() / 2);
    assert_eq!(gunzip(&gz, raw.len()).unwrap(), raw);
    assert_eq!(gunzip(&gz, raw.len() - 1), Err(PayloadError::TooLarge(raw.len() - 1)));
    assert_eq!(gunzip(&[&gz[..], &gz].concat(), 2 * raw.len()).unwrap(), [&raw[..], &raw].concat(), "two members");
    assert!(matches!(gunzip(&gz[..gz.len() - 9], raw.len()), Err(PayloadError::Gzip(_))), "cut short");
    assert!(matches!(gunzip(&raw, raw.len()), Err(PayloadError::Gzip(_))));
    assert!(matches!(gunzip(b"", 1), Err(PayloadError::Gzip(_))));
    let bomb = gzip(&vec![0; 1 << 24]).unwrap();
    assert_eq!(gunzip(&bomb, 1 << 20), Err(PayloadError::TooLarge(1 << 20)));
    let mut kept = Vec::new();
    assert_eq!(gunzip_into(&bomb, 1 << 20, &mut kept), Err(PayloadError::TooLarge(1 << 20)));
    let room = kept.capacity();
    gunzip_into(&gz, raw.len(), &mut kept).unwrap();
    assert_eq!((kept == raw, kept.capacity()), (true, room), "what was there is gone, and its memory is used");
}

fn any_text() -> impl Strategy<Value = Box<str>> {
    "\\PC{0,40}".prop_map(Box::from)
}

fn any_tags() -> impl Strategy<Value = Tags> {
    vec(any_text(), 0..5).prop_map(Tags::from)
}

fn any_point() -> impl Strategy<Value = Point> {
    let kinds = proptest::option::of(prop_oneof![Just(TimestampType::Current), Just(TimestampType::Origin)]);
    let blobs = (vec(any::<u8>(), 0..300), vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..40));
    (any_tags(), any::<(u64, u64)>(), blobs, kinds).prop_map(
        |(edge_tags, (hash, parent_hash), blobs, timestamp_type)| {
            let (pathway_latency, edge_latency, payload_size) = blobs;
            Point {
                edge_tags,
                hash,
                parent_hash,
                pathway_latency,
                edge_latency,
                payload_size,
                timestamp_type,
                service: None,
            }
        },
    )
}

fn any_usage() -> impl Strategy<Value = SchemaRegistryUsage> {
    (any_text(), any_text(), any::<(i64, bool, bool, i64)>()).prop_map(|(topic, operation, rest)| {
        let (schema_id, is_success, is_key, count) = rest;
        SchemaRegistryUsage { kafka_cluster_id: topic.clone(), topic, schema_id, is_success, is_key, operation, count }
    })
}

fn any_config() -> impl Strategy<Value = KafkaConfig> {
    (any_text(), any_text(), any::<i64>(), btree_map(any_text(), any_text(), 0..4)).prop_map(
        |(kind, group, generation_id, config)| KafkaConfig {
            r#type: kind,
            consumer_group: group.clone(),
            kafka_cluster_id: group.clone(),
            member_id: group.clone(),
            member_protocol: group,
            generation_id,
            config,
        },
    )
}

fn any_bucket() -> impl Strategy<Value = Bucket> {
    let backlog = (any_tags(), any::<i64>()).prop_map(|(tags, value)| Backlog { tags, value });
    let blobs = (vec(any::<u8>(), 0..60), vec(any::<u8>(), 0..20));
    let lists = (vec(any_point(), 0..4), vec(backlog, 0..4), vec(any_usage(), 0..3), vec(any_config(), 0..3));
    (any::<(u64, u64)>(), blobs, lists).prop_map(|((start, duration), blobs, lists)| {
        let (transactions, transaction_checkpoint_ids) = blobs;
        let (stats, backlogs, schema_registry_usages, configs) = lists;
        Bucket {
            start,
            duration,
            stats,
            backlogs,
            transactions,
            transaction_checkpoint_ids,
            schema_registry_usages,
            configs,
        }
    })
}

fn any_payload() -> impl Strategy<Value = Payload> {
    let texts = vec(any_text().prop_map(String::from), 7);
    let options = (proptest::option::of(any::<u64>()), proptest::option::of(any::<bool>()));
    let lists = (vec(any_text(), 0..3), vec(any_text(), 0..3));
    (texts, vec(any_bucket(), 0..4), lists, options).prop_map(|(texts, stats, (tags, process_tags), options)| {
        let (product_mask, is_in_default_state) = options;
        let [env, service, primary_tag, version, tracer_version, lang, hostname] = texts.try_into().unwrap();
        Payload {
            env,
            service,
            primary_tag,
            version,
            tracer_version,
            lang,
            hostname,
            stats,
            tags,
            process_tags,
            product_mask,
            is_in_default_state,
        }
    })
}

proptest! {

    #[test]
    fn what_is_written_reads_the_same(payload in any_payload()) {
        prop_assert_eq!(read(&payload.encode().unwrap()), Ok(payload));
    }

    #[test]
    fn mutated_bytes_are_read_or_refused(payload in any_payload(), changes in vec(any::<(prop::sample::Index, u8)>(), 1..8), cut: prop::sample::Index) {
        let mut bytes = payload.encode().unwrap();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(payload) = read(bytes) {
                let _ = (payload.messages(), payload.transactions());
                let _ = payload.halves();
            }
        }
    }

    #[test]
    fn random_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        let _ = gunzip(&bytes, 1000);
    }

    #[test]
    fn every_cut_is_refused(payload in any_payload(), cut: prop::sample::Index) {
        let bytes = payload.encode().unwrap();
        prop_assert!(read(&bytes[..cut.index(bytes.len())]).is_err());
    }
}
