//! Writes msgpack by hand: as a peer does it, not as our encoder does.

#[derive(Clone)]
pub(crate) enum Item {
    Nil,
    Bool(bool),
    Text(String),
    Bin(Vec<u8>),
    /// bin32 whatever its length, as dd-trace-dotnet writes sketches.
    Bin32(Vec<u8>),
    /// As short as it can be: unsigned, when it is not negative.
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
    /// map32, array32, str32 and bin32 always, as dd-trace-js does.
    Wide,
}

impl Item {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn texts(texts: &[&str]) -> Self {
        Self::List(texts.iter().map(|text| Self::text(text)).collect())
    }

    pub(crate) fn encode(&self, width: Width) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(width, &mut out);
        out
    }

    fn put(&self, width: Width, out: &mut Vec<u8>) {
        // The marker with the length in it up to `max`, then those for lengths of 8 (if there is one), 16 and 32 bits.
        let mut header = |fix: u8, max: usize, wider: [Option<u8>; 3], len: usize| match wider {
            _ if width == Width::Compact && len < max => out.push(fix | len as u8),
            [Some(marker), ..] if width == Width::Compact && len < 1 << 8 => out.extend([marker, len as u8]),
            [_, Some(marker), _] if width == Width::Compact && len < 1 << 16 => {
                out.push(marker);
                out.extend((len as u16).to_be_bytes());
            }
            [.., marker] => {
                out.push(marker.unwrap());
                out.extend((len as u32).to_be_bytes());
            }
        };
        match self {
            Self::Nil => out.push(0xc0),
            Self::Bool(value) => out.push(0xc2 | u8::from(*value)),
            Self::Text(text) => {
                header(0xa0, 32, [Some(0xd9), Some(0xda), Some(0xdb)], text.len());
                out.extend(text.as_bytes());
            }
            Self::Bin(bytes) => {
                header(0, 0, [Some(0xc4), Some(0xc5), Some(0xc6)], bytes.len());
                out.extend(bytes);
            }
            Self::Bin32(bytes) => {
                out.push(0xc6);
                out.extend((bytes.len() as u32).to_be_bytes());
                out.extend(bytes);
            }
            Self::Int(int) => {
                let int = *int;
                if (-32..=0x7f).contains(&int) {
                    out.push(int as u8);
                } else if let Ok(int) = u8::try_from(int) {
                    out.extend([0xcc, int]);
                } else if let Ok(int) = u16::try_from(int) {
                    out.extend([&[0xcd][..], &int.to_be_bytes()].concat());
                } else if let Ok(int) = u32::try_from(int) {
                    out.extend([&[0xce][..], &int.to_be_bytes()].concat());
                } else {
                    out.push(if int > 0 { 0xcf } else { 0xd3 });
                    out.extend(int.to_be_bytes());
                }
            }
            Self::U64(int) => {
                out.push(0xcf);
                out.extend(int.to_be_bytes());
            }
            Self::List(items) => {
                header(0x90, 16, [None, Some(0xdc), Some(0xdd)], items.len());
                items.iter().for_each(|item| item.put(width, out));
            }
            Self::Map(entries) => {
                header(0x80, 16, [None, Some(0xde), Some(0xdf)], entries.len());
                for (key, item) in entries {
                    Self::text(key).put(width, out);
                    item.put(width, out);
                }
            }
        }
    }
}
