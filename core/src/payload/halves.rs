//! Splits a payload that a receiver finds too large.

use super::{Bucket, Payload};

/// What [`Payload::halves`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halves {
    /// It holds a single item, or none.
    One(Box<Payload>),
    /// Both hold at least one.
    Two(Box<[Payload; 2]>),
}

pub(super) fn halves(mut payload: Payload) -> Halves {
    let items: usize = payload.stats.iter().map(items).sum();
    if items < 2 {
        return Halves::One(Box::new(payload));
    }
    let mut left = items.div_ceil(2);
    let mut first = Vec::new();
    let mut second = Vec::new();
    for mut bucket in std::mem::take(&mut payload.stats) {
        let taken = take(&mut bucket, &mut left);
        first.extend((items_in(&taken)).then_some(taken));
        second.extend((items_in(&bucket)).then_some(bucket));
    }
    let rest = Payload { stats: second, ..payload.clone() };
    payload.stats = first;
    Halves::Two(Box::new([payload, rest]))
}

fn items(bucket: &Bucket) -> usize {
    bucket.stats.len()
        + bucket.backlogs.len()
        + records(&bucket.transactions).count()
        + bucket.schema_registry_usages.len()
        + bucket.configs.len()
}

fn items_in(bucket: &Bucket) -> bool {
    items(bucket) > 0
}

/// Moves the first `left` items of a bucket into one of the same interval.
fn take(bucket: &mut Bucket, left: &mut usize) -> Bucket {
    let transactions = take_records(&mut bucket.transactions, left);
    Bucket {
        start: bucket.start,
        duration: bucket.duration,
        stats: take_items(&mut bucket.stats, left),
        backlogs: take_items(&mut bucket.backlogs, left),
        // Records mean nothing without the table of names.
        transaction_checkpoint_ids: if transactions.is_empty() {
            Vec::new()
        } else if bucket.transactions.is_empty() {
            std::mem::take(&mut bucket.transaction_checkpoint_ids)
        } else {
            bucket.transaction_checkpoint_ids.clone()
        },
        transactions,
        schema_registry_usages: take_items(&mut bucket.schema_registry_usages, left),
        configs: take_items(&mut bucket.configs, left),
    }
}

fn take_items<T>(from: &mut Vec<T>, left: &mut usize) -> Vec<T> {
    let taken = from.len().min(*left);
    *left -= taken;
    let rest = from.split_off(taken);
    std::mem::replace(from, rest)
}

fn take_records(from: &mut Vec<u8>, left: &mut usize) -> Vec<u8> {
    let taken: Vec<&[u8]> = records(from).take(*left).collect();
    *left -= taken.len();
    let bytes = taken.iter().map(|record| record.len()).sum();
    let rest = from.split_off(bytes);
    std::mem::replace(from, rest)
}

/// The records of transactions: number of the name (1 byte), time (8), length of the id (1), id. What is left at the
/// end and is no whole record counts as one: it is not ours to drop.
pub(super) fn records(mut blob: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let len = blob.get(9).map_or(blob.len(), |&id| 10 + usize::from(id)).min(blob.len());
        let (record, rest) = blob.split_at_checked(len)?;
        blob = rest;
        (!record.is_empty()).then_some(record)
    })
}
