//! Where an axis ends and which figures stand at it.

/// How many steps an axis has at most.
const STEPS: f64 = 5.0;

/// An axis from zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    /// Where it ends.
    pub(super) most: f64,
    step: f64,
}

/// How amounts are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    /// Exact while they are small, then by thousands.
    Count,
    /// By powers of 1,024.
    Bytes,
}

impl Axis {
    /// Steps of 1, 2 or 5 times a power of ten, and an end at or above `value`.
    pub(super) fn up_to(value: f64) -> Self {
        let least = value.max(1e-3) / STEPS;
        let power = 10_f64.powf(least.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * power)
            .into_iter()
            .find(|step| *step >= least * 0.999_999)
            .unwrap_or(least);
        Self {
            most: step * (value / step).ceil().max(1.0),
            step,
        }
    }

    /// From zero to the end.
    pub(super) fn steps(self) -> impl Iterator<Item = f64> {
        (0_u32..)
            .map(move |index| f64::from(index) * self.step)
            .take_while(move |value| *value <= self.most * 1.000_001)
    }
}

impl Amount {
    pub(super) fn text(self, amount: f64) -> String {
        match self {
            Self::Count if amount < 10_000.0 => format!("{amount}"),
            Self::Count => short(amount),
            Self::Bytes if amount >= 1024.0 => format!("{} KiB", amount / 1024.0),
            Self::Bytes => format!("{amount} B"),
        }
    }
}

/// A number with at most three digits before its unit.
pub(super) fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        _ if value >= 1e6 => (value / 1e6, "M"),
        _ if value >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = if scaled >= 100.0 {
        0
    } else if scaled >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{scaled:.digits$}");
    let short = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    format!("{short}{unit}")
}
