//! From msgpack to a [`Payload`], whoever wrote it.

use super::borrowed::BorrowedTags;
use super::reader::Reader;
use super::{Backlog, Bucket, KafkaConfig, Payload, PayloadError, Point, SchemaRegistryUsage, Tags, TimestampType};

/// The allocator's own bytes beside each small piece of memory, about.
const PIECE: usize = 16;
/// Items of a list that are believed before they come: at most three lists are within each other.
const LIST: usize = 128;

/// A part that is copied, or stays where it is. Both are charged the same, so that what is refused does not depend on it:
/// whoever looks at parts that are not copied, makes lists of them.
pub(super) trait Part<'a>: Default {
    fn read(r: &mut Reader<'a>, what: &str) -> Result<Self, PayloadError>;
}

impl Part<'_> for Vec<u8> {
    fn read(r: &mut Reader<'_>, what: &str) -> Result<Self, PayloadError> {
        Ok(<&[u8]>::read(r, what)?.to_vec())
    }
}

impl<'a> Part<'a> for &'a [u8] {
    fn read(r: &mut Reader<'a>, what: &str) -> Result<Self, PayloadError> {
        let bytes = r.bytes(what)?;
        r.charge(bytes.len() + PIECE)?;
        Ok(bytes)
    }
}

impl Part<'_> for Tags {
    fn read(r: &mut Reader<'_>, what: &str) -> Result<Self, PayloadError> {
        r.charge(PIECE)?;
        Ok(list(r, what, |r| short(r, "a tag"))?.into())
    }
}

impl<'a> Part<'a> for BorrowedTags<'a> {
    fn read(r: &mut Reader<'a>, what: &str) -> Result<Self, PayloadError> {
        r.charge(PIECE)?;
        let start = r.place();
        for _ in 0..r.list(what)? {
            let tag = r.unread_text("a tag")?;
            r.charge(2 * size_of::<Box<str>>() + tag.len() + PIECE)?;
        }
        Ok(Self::new(r.since(start)))
    }
}

/// The keys of one map, of which none may come twice: the second value would replace the first in silence.
#[derive(Default)]
struct Keys<'a> {
    /// No map has more that are known.
    known: [&'a [u8]; 12],
    len: usize,
}

impl<'a> Keys<'a> {
    fn next(&mut self, r: &mut Reader<'a>) -> Result<&'a [u8], PayloadError> {
        let key = r.key()?;
        if self.known.iter().take(self.len).any(|known| *known == key) {
            return r.refuse(format!("a map has {} twice", String::from_utf8_lossy(key)));
        }
        if let Some(place) = self.known.get_mut(self.len) {
            *place = key;
            self.len += 1;
        }
        Ok(key)
    }

    /// The last one is unknown, and may come as often as it likes.
    fn skip(&mut self, r: &mut Reader<'a>) -> Result<(), PayloadError> {
        self.len = self.len.saturating_sub(1);
        r.skip()
    }
}

pub(super) fn payload<'a, T: Part<'a>, B: Part<'a>>(
    bytes: &'a [u8],
    limit: usize,
) -> Result<Payload<T, B>, PayloadError> {
    let mut reader = Reader::new(bytes, limit);
    let r = &mut reader;
    let mut payload = Payload::<T, B>::default();
    let (mut service, mut stats) = (false, false);
    let mut keys = Keys::default();
    for _ in 0..r.map("a payload")? {
        match keys.next(r)? {
            b"Env" => payload.env = string(r, "Env")?,
            b"Service" => {
                payload.service = string(r, "Service")?;
                service = true;
            }
            b"PrimaryTag" => payload.primary_tag = string(r, "PrimaryTag")?,
            b"Version" => payload.version = string(r, "Version")?,
            b"TracerVersion" => payload.tracer_version = string(r, "TracerVersion")?,
            b"Lang" => payload.lang = string(r, "Lang")?,
            b"Hostname" => payload.hostname = string(r, "Hostname")?,
            b"Stats" => {
                payload.stats = list(r, "Stats", bucket)?;
                stats = true;
            }
            b"Tags" => payload.tags = list(r, "Tags", |r| short(r, "a tag"))?,
            b"ProcessTags" => payload.process_tags = list(r, "ProcessTags", |r| short(r, "a tag"))?,
            b"ProductMask" => payload.product_mask = Some(r.bits("ProductMask")?),
            b"IsInDefaultState" => payload.is_in_default_state = Some(r.bool("IsInDefaultState")?),
            _ => keys.skip(r)?,
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

fn bucket<'a, T: Part<'a>, B: Part<'a>>(r: &mut Reader<'a>) -> Result<Bucket<T, B>, PayloadError> {
    let mut bucket = Bucket::<T, B>::default();
    let mut start = false;
    let mut keys = Keys::default();
    for _ in 0..r.map("a bucket")? {
        match keys.next(r)? {
            b"Start" => {
                bucket.start = r.u64("Start")?;
                start = true;
            }
            b"Duration" => bucket.duration = r.u64("Duration")?,
            b"Stats" => bucket.stats = list(r, "Stats", point)?,
            b"Backlogs" => bucket.backlogs = list(r, "Backlogs", backlog)?,
            b"Transactions" => bucket.transactions = B::read(r, "Transactions")?,
            b"TransactionCheckpointIds" => bucket.transaction_checkpoint_ids = B::read(r, "TransactionCheckpointIds")?,
            b"SchemaRegistryUsages" => bucket.schema_registry_usages = list(r, "SchemaRegistryUsages", usage)?,
            b"Configs" => bucket.configs = list(r, "Configs", config)?,
            _ => keys.skip(r)?,
        }
    }
    if start { Ok(bucket) } else { r.refuse("a bucket has no Start") }
}

fn point<'a, T: Part<'a>, B: Part<'a>>(r: &mut Reader<'a>) -> Result<Point<T, B>, PayloadError> {
    let mut point = Point::<T, B>::default();
    let mut hash = false;
    let mut keys = Keys::default();
    for _ in 0..r.map("a point")? {
        match keys.next(r)? {
            b"EdgeTags" => point.edge_tags = T::read(r, "EdgeTags")?,
            b"Hash" => {
                point.hash = r.bits("Hash")?;
                hash = true;
            }
            b"ParentHash" => point.parent_hash = r.bits("ParentHash")?,
            b"PathwayLatency" => point.pathway_latency = B::read(r, "PathwayLatency")?,
            b"EdgeLatency" => point.edge_latency = B::read(r, "EdgeLatency")?,
            b"PayloadSize" => point.payload_size = B::read(r, "PayloadSize")?,
            b"TimestampType" => point.timestamp_type = timestamp_type(r)?,
            b"Service" => {
                let service = short(r, "Service")?;
                point.service = (!service.is_empty()).then_some(service);
            }
            _ => keys.skip(r)?,
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

fn backlog<'a, T: Part<'a>>(r: &mut Reader<'a>) -> Result<Backlog<T>, PayloadError> {
    let mut backlog = Backlog { tags: T::default(), value: 0 };
    let mut keys = Keys::default();
    for _ in 0..r.map("a backlog")? {
        match keys.next(r)? {
            b"Tags" => backlog.tags = T::read(r, "Tags")?,
            // dd-trace-js writes nil for offset 0.
            b"Value" => backlog.value = r.i64("Value")?,
            _ => keys.skip(r)?,
        }
    }
    Ok(backlog)
}

fn usage(r: &mut Reader<'_>) -> Result<SchemaRegistryUsage, PayloadError> {
    let mut usage = SchemaRegistryUsage::default();
    let mut keys = Keys::default();
    for _ in 0..r.map("a schema usage")? {
        match keys.next(r)? {
            b"Topic" => usage.topic = short(r, "Topic")?,
            b"KafkaClusterId" => usage.kafka_cluster_id = short(r, "KafkaClusterId")?,
            b"SchemaId" => usage.schema_id = r.i64("SchemaId")?,
            b"IsSuccess" => usage.is_success = r.bool("IsSuccess")?,
            b"IsKey" => usage.is_key = r.bool("IsKey")?,
            b"Operation" => usage.operation = short(r, "Operation")?,
            b"Count" => usage.count = r.i64("Count")?,
            _ => keys.skip(r)?,
        }
    }
    Ok(usage)
}

fn config(r: &mut Reader<'_>) -> Result<KafkaConfig, PayloadError> {
    let mut config = KafkaConfig::default();
    let mut keys = Keys::default();
    for _ in 0..r.map("a configuration")? {
        match keys.next(r)? {
            b"Type" => config.r#type = short(r, "Type")?,
            b"KafkaClusterId" => config.kafka_cluster_id = short(r, "KafkaClusterId")?,
            b"ConsumerGroup" => config.consumer_group = short(r, "ConsumerGroup")?,
            b"MemberId" => config.member_id = short(r, "MemberId")?,
            b"GenerationId" => config.generation_id = r.i64("GenerationId")?,
            b"MemberProtocol" => config.member_protocol = short(r, "MemberProtocol")?,
            b"Config" => {
                for _ in 0..r.map("Config")? {
                    // A node of the tree is filled by half at worst.
                    r.charge(4 * size_of::<Box<str>>())?;
                    let key = short(r, "an option")?;
                    if config.config.contains_key(&key) {
                        return r.refuse(format!("Config has {key} twice"));
                    }
                    config.config.insert(key, short(r, "a value")?);
                }
            }
            _ => keys.skip(r)?,
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

fn short(r: &mut Reader<'_>, what: &str) -> Result<Box<str>, PayloadError> {
    Ok(string(r, what)?.into())
}

fn string(r: &mut Reader<'_>, what: &str) -> Result<String, PayloadError> {
    let text = r.text(what)?;
    r.charge(text.len() + PIECE)?;
    Ok(text.into_owned())
}
