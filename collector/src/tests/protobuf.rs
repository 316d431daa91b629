//! Writes sketches by hand, in the form that each peer's own library gives them: bins by the formula, not by our code.

use std::collections::BTreeMap;

/// A library of sketches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Library {
    /// sketches-go with its default accuracy: data-streams-go.
    OnePercent,
    /// sketches-go with the backend's mapping: dd-trace-go.
    Go,
    /// sketches-java: dd-trace-java.
    Java,
    /// sketches-js, which leaves nothing out and pads its bins by chunks: dd-trace-js.
    JavaScript,
    /// The library inside dd-trace-dotnet.
    DotNet,
    /// libdatadog, which leaves defaults out but not empty stores: dd-trace-py and -rb.
    LibDatadog,
}

impl Library {
    const fn mapping(self) -> (f64, f64) {
        match self {
            Self::OnePercent | Self::JavaScript => (1.01 / 0.99, 0.0),
            Self::Go | Self::Java => (1.015625, 1.876_128_191_286_170_5),
            Self::DotNet | Self::LibDatadog => (1.015625, 1338.5),
        }
    }

    /// A sketch of these values.
    pub(crate) fn sketch(self, values: &[f64]) -> Vec<u8> {
        let (gamma, offset) = self.mapping();
        let mut stores = [BTreeMap::new(), BTreeMap::new()];
        let mut zeros = 0.0;
        for &value in values {
            if value == 0.0 {
                zeros += 1.0;
            } else {
                let bin = (value.abs().ln() / gamma.ln() + offset).floor() as i32;
                *stores[usize::from(value < 0.0)].entry(bin).or_insert(0.0) += 1.0;
            }
        }
        let all = self == Self::JavaScript;
        let mut mapping = double(1, gamma);
        if all || offset != 0.0 {
            mapping.extend(double(2, offset));
        }
        if all {
            mapping.extend([0x18, 0]);
        }
        let mut sketch = message(1, &mapping);
        for (field, bins) in [2, 3].into_iter().zip(&stores) {
            sketch.extend(message(field, &self.store(bins)));
        }
        if all || zeros != 0.0 {
            sketch.extend(double(4, zeros));
        }
        sketch
    }

    fn store(self, bins: &BTreeMap<i32, f64>) -> Vec<u8> {
        let js = self == Self::JavaScript;
        let (Some((&least, _)), Some((&most, _))) = (bins.first_key_value(), bins.last_key_value()) else {
            return if js { vec![0x18, 0] } else { Vec::new() };
        };
        // sketches-js puts the first value into the middle of a chunk of 128 bins.
        let first = if js { least - 64 } else { least };
        let len = (most - first + 1) as usize;
        let len = if js { len.next_multiple_of(128) } else { len };
        let counts: Vec<u8> =
            (first..).take(len).flat_map(|bin| bins.get(&bin).copied().unwrap_or(0.0).to_le_bytes()).collect();
        let mut store = message(2, &counts);
        store.push(0x18);
        store.extend(varint(u64::from((first << 1 ^ first >> 31) as u32)));
        store
    }
}

fn double(field: u8, value: f64) -> Vec<u8> {
    [&[field << 3 | 1][..], &value.to_le_bytes()].concat()
}

fn message(field: u8, bytes: &[u8]) -> Vec<u8> {
    [&[field << 3 | 2][..], &varint(bytes.len() as u64), bytes].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// What the released libraries wrote for one 0, and for 49 bytes.
#[test]
fn as_captured() {
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(
        hex(Library::LibDatadog.sketch(&[0.0])),
        "0a1209000000000040f03f110000000000ea944012001a0021000000000000f03f"
    );
    assert_eq!(
        hex(Library::LibDatadog.sketch(&[49.0])),
        "0a1209000000000040f03f110000000000ea9440120d1208000000000000f03f18ea181a00"
    );
    assert_eq!(
        hex(Library::JavaScript.sketch(&[0.0])),
        "0a1409fd4a815abf52f03f1100000000000000001800120218001a02180021000000000000f03f"
    );
    assert_eq!(Library::JavaScript.sketch(&[1000.0]).len(), 1068, "as large as it was");
}
