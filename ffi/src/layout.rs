//! The layout that C sees, in one file that both languages test: `tests/abi/layout.inc`.

use core::mem::{align_of, offset_of, size_of};

use crate::checkpoint::ds_options;
use crate::config::ds_config;
use crate::delivery::ds_payload;
use crate::edge::ds_edge;
use crate::pathway::ds_pathway;
use crate::status::ds_error;
use crate::text::ds_str;

fn size_of_field<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

macro_rules! layout {
    ($($name:ident { $($field:ident)* })*) => {{
        let mut lines = String::new();
        $(
            lines += &format!(
                "STRUCT({}, {}, {})\n", stringify!($name), size_of::<$name>(), align_of::<$name>());
            $(lines += &format!(
                "FIELD({}, {}, {}, {})\n", stringify!($name), stringify!($field), offset_of!($name, $field),
                size_of_field(|value: &$name| &value.$field));)*
        )*
        lines
    }};
}

/// cbindgen does not write constants that are text, so these stand in cbindgen.toml.
#[test]
fn texts_are_those_of_the_core() {
    let header = include_str!("../../include/datastreams.h");
    for (name, value) in [
        ("DS_HEADER_KEY", datastreams_core::header::KEY),
        ("DS_HEADER_KEY_LEGACY", datastreams_core::header::KEY_LEGACY),
        ("DS_VERSION", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(header.contains(&format!("#define {name} \"{value}\"\n")), "{name} is not {value}");
    }
}

#[test]
fn the_layout_is_the_committed_one() {
    let lines = layout! {
        ds_str { ptr len }
        ds_error { code message }
        ds_config {
            struct_size service env version primary_tag tags agent_url api_key site hostname dogstatsd_url language
            language_version memory_limit retry_limit max_payload_bytes transaction_limit enabled delivery
            request_timeout_ms retry_age_s max_edges max_parents max_origin_buckets header_max_age_s
            header_max_future_s process_tags log log_userdata
        }
        ds_edge { id }
        ds_pathway { hash start_ns edge_start_ns opposite_hash opposite_edge_start_ns direction reserved }
        ds_options { struct_size now_ns queued_ns }
        ds_payload { id path headers body body_len reserved }
    };
    let committed = include_str!("../../tests/abi/layout.inc");
    let committed: String =
        committed.lines().filter(|line| !line.starts_with("/*")).map(|l| format!("{l}\n")).collect();
    assert_eq!(lines, committed, "struct layouts never change: later fields go to the end of sized structs");
}
