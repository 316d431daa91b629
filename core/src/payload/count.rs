//! The count of an encoded sketch, without building it.

/// The sum of all counts; what cannot be read counts nothing.
pub(super) fn count(sketch: &[u8]) -> f64 {
    let mut total = 0.0;
    fields(sketch, |number, field| match (number, field) {
        (2 | 3, Field::Bytes(store)) => total += count_store(store),
        (4, Field::Fixed(bits)) => total += f64::from_bits(bits),
        _ => {}
    });
    total
}

fn count_store(store: &[u8]) -> f64 {
    let mut total = 0.0;
    fields(store, |number, field| match (number, field) {
        (1, Field::Bytes(entry)) => fields(entry, |number, field| {
            if let (2, Field::Fixed(bits)) = (number, field) {
                total += f64::from_bits(bits);
            }
        }),
        (2, Field::Bytes(packed)) => {
            let (counts, _) = packed.as_chunks();
            total += counts.iter().map(|&count| f64::from_le_bytes(count)).sum::<f64>();
        }
        (2, Field::Fixed(bits)) => total += f64::from_bits(bits),
        _ => {}
    });
    total
}

enum Field<'a> {
    Fixed(u64),
    Bytes(&'a [u8]),
    Other,
}

/// Visits the fields of a protobuf message, up to the first that cannot be read.
fn fields(mut message: &[u8], mut visit: impl FnMut(u64, Field<'_>)) {
    while let Some((key, rest)) = varint(message) {
        let field = match key & 7 {
            0 => varint(rest).map(|(_, rest)| (Field::Other, rest)),
            1 => rest.split_first_chunk().map(|(bytes, rest)| (Field::Fixed(u64::from_le_bytes(*bytes)), rest)),
            2 => varint(rest).and_then(|(len, rest)| {
                let (bytes, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
                Some((Field::Bytes(bytes), rest))
            }),
            5 => rest.split_first_chunk::<4>().map(|(_, rest)| (Field::Other, rest)),
            _ => None,
        };
        let Some((field, rest)) = field else { return };
        visit(key >> 3, field);
        message = rest;
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let len = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    let (varint, rest) = bytes.split_at_checked(len)?;
    Some((varint.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f)), rest))
}
