//! Writes msgpack by hand: as a peer does it, not as our encoder does.

pub(crate) enum Item {
    Nil,
    Text(&'static str),
    Bin(Vec<u8>),
    Int(i64),
    /// As dd-trace-js writes a BigInt.
    U64(u64),
    List(Vec<Item>),
    Map(Vec<(&'static str, Item)>),
}

/// Which headers are written.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Width {
    Compact,
    /// map32, array32 and bin32 always.
    Wide,
}

impl Item {
    pub(crate) fn texts(texts: &[&'static str]) -> Self {
        Self::List(texts.iter().map(|&text| Self::Text(text)).collect())
    }

    pub(crate) fn encode(&self, width: Width) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(width, &mut out);
        out
    }

    fn put(&self, width: Width, out: &mut Vec<u8>) {
        let mut header = |compact: Option<u8>, wide: u8, len: usize| match compact {
            Some(marker) if width == Width::Compact => out.push(marker),
            _ => {
                out.push(wide);
                out.extend((len as u32).to_be_bytes());
            }
        };
        let fix = |marker: u8, len: usize, max: usize| (len <= max).then_some(marker | len as u8);
        match self {
            Self::Nil => out.push(0xc0),
            Self::Text(text) => {
                header(fix(0xa0, text.len(), 31), 0xdb, text.len());
                out.extend(text.as_bytes());
            }
            Self::Bin(bytes) => {
                header(None, 0xc6, bytes.len());
                out.extend(bytes);
            }
            Self::Int(int @ 0..=127) => out.push(*int as u8),
            Self::Int(int) => {
                out.push(0xd3);
                out.extend(int.to_be_bytes());
            }
            Self::U64(int) => {
                out.push(0xcf);
                out.extend(int.to_be_bytes());
            }
            Self::List(items) => {
                header(fix(0x90, items.len(), 15), 0xdd, items.len());
                items.iter().for_each(|item| item.put(width, out));
            }
            Self::Map(entries) => {
                header(fix(0x80, entries.len(), 15), 0xdf, entries.len());
                for (key, item) in entries {
                    Self::Text(key).put(width, out);
                    item.put(width, out);
                }
            }
        }
    }
}
