//! Numbers for people: three digits and a unit.

/// A duration.
pub(crate) fn seconds(seconds: f64) -> String {
    const UNITS: [(f64, &str); 5] = [(86_400.0, "d"), (3600.0, "h"), (1.0, "s"), (1e-3, "ms"), (1e-6, "us")];
    // Two minutes are easier to read as 120 s, two days as 48 h.
    const FROM: [f64; 5] = [3.0 * 86_400.0, 2.0 * 3600.0, 0.9995, 0.9995e-3, 0.0];
    if seconds == 0.0 {
        return "0".into();
    }
    let fits = FROM.iter().position(|&from| seconds >= from).unwrap_or(4);
    let (unit, name) = UNITS[fits];
    format!("{} {name}", digits(seconds / unit))
}

/// A number of bytes.
pub(crate) fn bytes(bytes: f64) -> String {
    scaled(bytes, 1024.0, &["B", "KiB", "MiB", "GiB"])
}

/// A count, or a rate without its "per second".
pub(crate) fn count(count: f64) -> String {
    scaled(count, 1000.0, &["", "k", "M", "G"])
}

fn scaled(mut number: f64, step: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while number >= step * 0.9995 && unit + 1 < units.len() {
        number /= step;
        unit += 1;
    }
    let whole = unit == 0 && number.fract() == 0.0;
    let number = if whole { format!("{number}") } else { digits(number) };
    [number, units.get(unit).copied().unwrap_or_default().into()].join(" ").trim_end().into()
}

/// Three digits: 1.23, 12.3, 123. What nobody measured, but somebody may send, takes no more room than a column has.
fn digits(number: f64) -> String {
    if number >= 1e9 {
        return format!("{number:.2e}");
    }
    let places = if number < 9.995 { 2 } else { usize::from(number < 99.95) };
    format!("{number:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (value, text) in [
            (0.0, "0"),
            (1e-9, "0.00 us"),
            (12e-6, "12.0 us"),
            (0.000_999_9, "1.00 ms"),
            (0.0123, "12.3 ms"),
            (0.999_9, "1.00 s"),
            (59.96, "60.0 s"),
            (7199.0, "7199 s"),
            (7200.0, "2.00 h"),
            (864_000.0, "10.0 d"),
            (1e308, "1.16e303 d"),
        ] {
            assert_eq!(seconds(value), text);
        }
    }

    #[test]
    fn sizes_and_counts() {
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(49.3), "49.3 B");
        assert_eq!(bytes(1023.9), "1.00 KiB");
        assert_eq!(bytes(5.5e6), "5.25 MiB");
        assert_eq!(count(12.0), "12");
        assert_eq!(count(12.34), "12.3");
        assert_eq!(count(1500.0), "1.50 k");
    }
}
