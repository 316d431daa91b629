//! Texts of others, made fit for a terminal: names come from whoever sends statistics.

/// The text with everything escaped that could move the cursor, change the terminal or the order of what is read:
/// control characters, and the invisible ones that format text (directions, joiners, tags).
pub(crate) fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// [`plain`] for a text of any length: at most `most` characters of it.
pub(crate) fn sentence(text: &str, most: usize) -> String {
    let first = text.trim().lines().next().unwrap_or_default();
    let mut safe = plain(&first.chars().take(most).collect::<String>());
    if first.chars().nth(most).is_some() {
        safe.push_str("...");
    }
    safe
}

/// JSON with the same characters escaped in its strings: serde_json leaves those above U+001F as they are.
pub(crate) fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_but_letters() {
        assert_eq!(plain("orders, Größe, 注文 🚀"), "orders, Größe, 注文 🚀");
        assert_eq!(plain("\u{1b}[2J\u{9b}2J\r\n\t\u{7f}"), "\\u{1b}[2J\\u{9b}2J\\u{d}\\u{a}\\u{9}\\u{7f}");
        assert_eq!(plain("a\u{202e}b\u{200d}\u{e0041}"), "a\\u{202e}b\\u{200d}\\u{e0041}");
        assert_eq!(sentence("  no\u{7}\nnext", 10), "no\\u{7}");
        assert_eq!(sentence("12345", 3), "123...");
    }

    #[test]
    fn json_stays_json() {
        let value = serde_json::json!({"a": "\u{1b}\u{9b}\u{202e}\u{e0041}é"});
        let text = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(text.contains(r"\u001b\u009b\u202e\udb40\udc41é"), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
