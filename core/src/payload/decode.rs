//! From msgpack to a [`Payload`], whoever wrote it.

use super::reader::Reader;
use super::{Backlog, Bucket, KafkaConfig, Payload, PayloadError, Point, SchemaRegistryUsage, Tags, TimestampType};

/// The allocator's own bytes beside each small piece of memory, about.
const PIECE: usize = 16;
/// Items of a list that are believed before they come: at most three lists are within each other.
const LIST: usize = 128;

pub(super) fn payload(bytes: &[u8], limit: usize) -> Result<Payload, PayloadError> {
    let mut reader = Reader::new(bytes, limit);
    let r = &mut reader;
    let mut payload = Payload::default();
    let (mut service, mut stats) = (false, false);
    for _ in 0..r.map("a payload")? {
        match &*r.text("a key")? {
            "Env" => payload.env = string(r, "Env")?,
            "Service" => {
                payload.service = string(r, "Service")?;
                service = true;
            }
            "PrimaryTag" => payload.primary_tag = string(r, "PrimaryTag")?,
            "Version" => payload.version = string(r, "Version")?,
            "TracerVersion" => payload.tracer_version = string(r, "TracerVersion")?,
            "Lang" => payload.lang = string(r, "Lang")?,
            "Hostname" => payload.hostname = string(r, "Hostname")?,
            "Stats" => {
                payload.stats = list(r, "Stats", bucket)?;
                stats = true;
            }
            "Tags" => payload.tags = list(r, "Tags", |r| short(r, "a tag"))?,
            "ProcessTags" => payload.process_tags = list(r, "ProcessTags", |r| short(r, "a tag"))?,
            "ProductMask" => payload.product_mask = Some(r.bits("ProductMask")?),
            "IsInDefaultState" => payload.is_in_default_state = Some(r.bool("IsInDefaultState")?),
            _ => r.skip()?,
        }
    }
    for (key, found) in [("Service", service), ("Stats", stats)] {
        if !found {
            return r.refuse(format!("it has no {key}"));
        }
    }
    r.end()?;
    Ok(payload)
}

fn bucket(r: &mut Reader<'_>) -> Result<Bucket, PayloadError> {
    let mut bucket = Bucket::default();
    let mut start = false;
    for _ in 0..r.map("a bucket")? {
        match &*r.text("a key")? {
            "Start" => {
                bucket.start = r.u64("Start")?;
                start = true;
            }
            "Duration" => bucket.duration = r.u64("Duration")?,
            "Stats" => bucket.stats = list(r, "Stats", point)?,
            "Backlogs" => bucket.backlogs = list(r, "Backlogs", backlog)?,
            "Transactions" => bucket.transactions = blob(r, "Transactions")?,
            "TransactionCheckpointIds" => bucket.transaction_checkpoint_ids = blob(r, "TransactionCheckpointIds")?,
            "SchemaRegistryUsages" => bucket.schema_registry_usages = list(r, "SchemaRegistryUsages", usage)?,
            "Configs" => bucket.configs = list(r, "Configs", config)?,
            _ => r.skip()?,
        }
    }
    if start { Ok(bucket) } else { r.refuse("a bucket has no Start") }
}

fn point(r: &mut Reader<'_>) -> Result<Point, PayloadError> {
    let mut point = Point::default();
    let mut hash = false;
    for _ in 0..r.map("a point")? {
        match &*r.text("a key")? {
            "EdgeTags" => point.edge_tags = tags(r, "EdgeTags")?,
            "Hash" => {
                point.hash = r.bits("Hash")?;
                hash = true;
            }
            "ParentHash" => point.parent_hash = r.bits("ParentHash")?,
            "PathwayLatency" => point.pathway_latency = blob(r, "PathwayLatency")?,
            "EdgeLatency" => point.edge_latency = blob(r, "EdgeLatency")?,
            "PayloadSize" => point.payload_size = blob(r, "PayloadSize")?,
            "TimestampType" => point.timestamp_type = timestamp_type(r)?,
            "Service" => {
                let service = short(r, "Service")?;
                point.service = (!service.is_empty()).then_some(service);
            }
            _ => r.skip()?,
        }
    }
    if hash { Ok(point) } else { r.refuse("a point has no Hash") }
}

fn timestamp_type(r: &mut Reader<'_>) -> Result<Option<TimestampType>, PayloadError> {
    match &*r.text("TimestampType")? {
        "" => Ok(None),
        "current" => Ok(Some(TimestampType::Current)),
        "origin" => Ok(Some(TimestampType::Origin)),
        other => r.refuse(format!("TimestampType is {other:?}, neither \"current\" nor \"origin\"")),
    }
}

fn backlog(r: &mut Reader<'_>) -> Result<Backlog, PayloadError> {
    let mut backlog = Backlog { tags: Tags::from([]), value: 0 };
    for _ in 0..r.map("a backlog")? {
        match &*r.text("a key")? {
            "Tags" => backlog.tags = tags(r, "Tags")?,
            // dd-trace-js writes nil for offset 0.
            "Value" => backlog.value = r.i64("Value")?,
            _ => r.skip()?,
        }
    }
    Ok(backlog)
}

fn usage(r: &mut Reader<'_>) -> Result<SchemaRegistryUsage, PayloadError> {
    let mut usage = SchemaRegistryUsage::default();
    for _ in 0..r.map("a schema usage")? {
        match &*r.text("a key")? {
            "Topic" => usage.topic = short(r, "Topic")?,
            "KafkaClusterId" => usage.kafka_cluster_id = short(r, "KafkaClusterId")?,
            "SchemaId" => usage.schema_id = r.i64("SchemaId")?,
            "IsSuccess" => usage.is_success = r.bool("IsSuccess")?,
            "IsKey" => usage.is_key = r.bool("IsKey")?,
            "Operation" => usage.operation = short(r, "Operation")?,
            "Count" => usage.count = r.i64("Count")?,
            _ => r.skip()?,
        }
    }
    Ok(usage)
}

fn config(r: &mut Reader<'_>) -> Result<KafkaConfig, PayloadError> {
    let mut config = KafkaConfig::default();
    for _ in 0..r.map("a configuration")? {
        match &*r.text("a key")? {
            "Type" => config.r#type = short(r, "Type")?,
            "KafkaClusterId" => config.kafka_cluster_id = short(r, "KafkaClusterId")?,
            "ConsumerGroup" => config.consumer_group = short(r, "ConsumerGroup")?,
            "MemberId" => config.member_id = short(r, "MemberId")?,
            "GenerationId" => config.generation_id = r.i64("GenerationId")?,
            "MemberProtocol" => config.member_protocol = short(r, "MemberProtocol")?,
            "Config" => {
                for _ in 0..r.map("Config")? {
                    // A node of the tree is filled by half at worst.
                    r.charge(4 * size_of::<Box<str>>())?;
                    let key = short(r, "an option")?;
                    config.config.insert(key, short(r, "a value")?);
                }
            }
            _ => r.skip()?,
        }
    }
    Ok(config)
}

fn list<'a, T>(
    r: &mut Reader<'a>,
    what: &str,
    mut item: impl FnMut(&mut Reader<'a>) -> Result<T, PayloadError>,
) -> Result<Vec<T>, PayloadError> {
    let len = r.list(what)?;
    // At the most, growing doubles what is used, and the old half is still there while it does.
    let mut items = Vec::with_capacity(len.min(LIST));
    for _ in 0..len {
        r.charge(2 * size_of::<T>())?;
        items.push(item(r)?);
    }
    items.shrink_to_fit();
    Ok(items)
}

fn tags(r: &mut Reader<'_>, what: &str) -> Result<Tags, PayloadError> {
    r.charge(PIECE)?;
    Ok(list(r, what, |r| short(r, "a tag"))?.into())
}

fn short(r: &mut Reader<'_>, what: &str) -> Result<Box<str>, PayloadError> {
    Ok(string(r, what)?.into())
}

fn string(r: &mut Reader<'_>, what: &str) -> Result<String, PayloadError> {
    let text = r.text(what)?;
    r.charge(text.len() + PIECE)?;
    Ok(text.into_owned())
}

fn blob(r: &mut Reader<'_>, what: &str) -> Result<Vec<u8>, PayloadError> {
    let bytes = r.bytes(what)?;
    r.charge(bytes.len() + PIECE)?;
    Ok(bytes.to_vec())
}
