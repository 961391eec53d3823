//! Argument parsers for numbers within a range.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The values of a cosine distance.
pub(crate) const DISTANCE: RangeInclusive<f32> = 0.0..=2.0;
/// The values of a probability or another share of one.
pub(crate) const SHARE: RangeInclusive<f32> = 0.0..=1.0;
/// The shares of strangers that may get a name. Scores of rarer strangers are not known well enough; with more, a name
/// means nothing.
pub(crate) const FALSE_NAME_RATE: RangeInclusive<f64> = 1e-6..=0.5;
/// Largest number of workers: more than any machine has cores.
const MAX_WORKERS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// A parser of an argument's text.
pub(crate) trait Parse<T>: Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {}

impl<T, F: Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static> Parse<T> for F {}

/// A number in `range`, both ends included. No range holds infinity or what is not a number.
pub(crate) fn number<T>(range: RangeInclusive<T>) -> impl Parse<T>
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    within("number", range)
}

/// A whole number in `range`, both ends included.
pub(crate) fn whole<T>(range: RangeInclusive<T>) -> impl Parse<T>
where
    T: FromStr + Ord + Display + Clone + Send + Sync + 'static,
{
    within("whole number", range)
}

/// A cosine distance, [`DISTANCE`].
pub(crate) fn distance() -> impl Parse<f32> {
    number(DISTANCE)
}

/// A probability or share, [`SHARE`].
pub(crate) fn share() -> impl Parse<f32> {
    number(SHARE)
}

/// A number of worker threads.
pub(crate) fn workers() -> impl Parse<NonZeroUsize> {
    whole(NonZeroUsize::MIN..=MAX_WORKERS)
}

fn within<T>(what: &'static str, range: RangeInclusive<T>) -> impl Parse<T>
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text: &str| match text.parse() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(format!("expected a {what} from {} to {}, found {text:?}", range.start(), range.end())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_in_the_range_and_nothing_beyond() {
        for text in ["0", "2", "1.5", "2e0", "-0"] {
            assert!(distance()(text).is_ok(), "{text}");
        }
        for text in ["-0.01", "2.01", "NaN", "-nan", "inf", "infinity", "1e400", "", " 1", "1,5", "0x1"] {
            let message = format!("expected a number from 0 to 2, found {text:?}");
            assert_eq!(distance()(text), Err(message));
        }
        assert_eq!(workers()("1").map(NonZeroUsize::get), Ok(1));
        assert_eq!(workers()("1024").map(NonZeroUsize::get), Ok(1024));
        for text in ["0", "1025", "-1", "1.0", "99999999999999999999", "NaN"] {
            let message = format!("expected a whole number from 1 to 1024, found {text:?}");
            assert_eq!(workers()(text), Err(message));
        }
    }
}
