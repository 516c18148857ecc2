//! Histograms as laws: an HDR interval log, or a plain table of times and counts.

use crate::file::decoded;
use crate::rng::{self, Generator};
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use rand::Rng;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

/// The head of a plain table.
const TABLE_HEAD: &str = "service_ms,count";

/// Nanoseconds of a millisecond.
const MS_NS: f64 = 1e6;

/// The longest time, in ns: a day.
const MAX_NS: u64 = 86_400_000_000_000;

/// The times of a histogram and their counts.
#[derive(Clone, Debug)]
pub struct Buckets {
    buckets: Arc<[Bucket]>,
    mean_ns: u64,
}

/// Times that the histogram does not tell apart.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    low_ns: u64,
    high_ns: u64,
    /// Counts of this bucket and of those before it.
    up_to: u64,
}

/// Errors of a histogram file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum HistogramError {
    #[error(
        "its name ends neither in .hlog (HdrHistogram interval log) nor in .csv ({TABLE_HEAD})"
    )]
    Form,
    #[error("it is no text in UTF-8")]
    Encoding,
    #[error("line {line}: expected {expected}")]
    Line { line: usize, expected: &'static str },
    #[error("interval {interval} is no HdrHistogram interval: {reason}")]
    Interval { interval: usize, reason: String },
    #[error("it holds no times")]
    Empty,
    #[error("it holds a time of more than a day; the times of an .hlog are ns, those of a .csv ms")]
    TooLong,
    #[error("it holds more times than can be counted")]
    TooMany,
}

/// Bytes of all intervals of a log, uncompressed.
const MAX_PLAIN: usize = 32 << 20;

/// Counters of all histograms of a log: a histogram of three digits has up to 60,000.
const MAX_COUNTERS: usize = 50_000_000;

/// Bytes before the counts of an encoded histogram, and the first four of them, plain and compressed.
const HEAD: usize = 40;
const PLAIN_COOKIE: &[u8] = &[0x1c, 0x84, 0x93, 0x13];
const COMPRESSED_COOKIE: &[u8] = &[0x1c, 0x84, 0x93, 0x14];

/// The least 64-bit number as a histogram encodes numbers: the library negates it, which overflows. A count of more than
/// 2^55 can hold these bytes as well.
const LEAST_NUMBER: &[u8] = &[0xff; 9];

/// The histogram `encoded`, without compression; takes its size off `room`. The library reserves as many bytes as
/// the head says, so the head is held against the bytes that are there.
///
/// Errors: it is cut off, or there is no room for it.
fn uncompressed<'a>(encoded: &'a [u8], room: &mut usize) -> Result<Cow<'a, [u8]>, String> {
    let plain = match (encoded.strip_prefix(COMPRESSED_COOKIE), encoded.get(8..)) {
        (Some(_), Some(compressed)) => {
            let mut plain = Vec::new();
            let mut inflated = ZlibDecoder::new(compressed).take(*room as u64 + 1);
            inflated.read_to_end(&mut plain).map_err(|error| error.to_string())?;
            Cow::Owned(plain)
        }
        _ => Cow::Borrowed(encoded),
    };
    *room = room.checked_sub(plain.len()).ok_or(format!("there is more than {MAX_PLAIN} bytes"))?;
    let stated = plain.strip_prefix(PLAIN_COOKIE).and_then(|rest| rest.first_chunk::<4>());
    let stated = stated.ok_or("it does not begin as one does")?;
    let counts = plain.get(HEAD..).ok_or("it is cut off")?;
    if u32::from_be_bytes(*stated) as usize > counts.len() {
        return Err("it is cut off".to_owned());
    }
    if counts.windows(LEAST_NUMBER.len()).any(|bytes| bytes == LEAST_NUMBER) {
        return Err("it holds a count that no histogram can have".to_owned());
    }
    Ok(plain)
}

impl Buckets {
    /// Reads the file `name`, which holds `bytes`: an `HdrHistogram` interval log of ns
    /// (`.hlog`, V2, compressed or not; all of its intervals together), or a table
    /// `service_ms,count` (`.csv`), each row of which is a time in ms and its count.
    ///
    /// Errors: [`HistogramError`] for another extension, a file that does not parse, no times, or
    /// a time above a day.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, HistogramError> {
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("hlog") => Self::from_interval_log(bytes),
            Some("csv") => {
                let text = decoded(bytes.to_vec()).map_err(|_| HistogramError::Encoding)?;
                Self::from_table(&text)
            }
            _ => Err(HistogramError::Form),
        }
    }

    fn from_interval_log(bytes: &[u8]) -> Result<Self, HistogramError> {
        let mut counts: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        let (mut room, mut counters) = (MAX_PLAIN, 0);
        let intervals = IntervalLogIterator::new(bytes)
            .filter(|entry| !matches!(entry, Ok(LogEntry::StartTime(_) | LogEntry::BaseTime(_))));
        for (index, entry) in intervals.enumerate() {
            let interval = index + 1;
            let wrong = |reason: String| HistogramError::Interval { interval, reason };
            let Ok(LogEntry::Interval(entry)) = entry else {
                return Err(wrong("the line cannot be read".to_owned()));
            };
            let encoded = base64::Engine::decode(
                &base64::engine::general_purpose::STANDARD,
                entry.encoded_histogram(),
            )
            .map_err(|error| wrong(error.to_string()))?;
            let plain = uncompressed(&encoded, &mut room).map_err(wrong)?;
            let histogram: Histogram<u64> = Deserializer::new()
                .deserialize(&mut plain.as_ref())
                .map_err(|error| wrong(error.to_string()))?;
            counters += histogram.distinct_values();
            if counters > MAX_COUNTERS {
                return Err(wrong(format!("there are more than {MAX_COUNTERS} counters up to it")));
            }
            for seen in histogram.iter_recorded() {
                let high_ns = seen.value_iterated_to();
                let low_ns = histogram.lowest_equivalent(high_ns);
                let count = counts.entry((low_ns, high_ns)).or_default();
                *count = count.checked_add(seen.count_at_value()).ok_or(HistogramError::TooMany)?;
            }
        }
        Self::new(counts)
    }

    fn from_table(text: &str) -> Result<Self, HistogramError> {
        let mut counts: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        let mut lines = text.lines().enumerate();
        if lines.next().is_none_or(|(_, head)| head.trim() != TABLE_HEAD) {
            return Err(HistogramError::Line { line: 1, expected: TABLE_HEAD });
        }
        for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |expected| HistogramError::Line { line: index + 1, expected };
            let (ms, count) = line.split_once(',').ok_or(wrong("a time in ms and a count"))?;
            let ms: f64 = ms.trim().parse().map_err(|_| wrong("a time in ms"))?;
            if ms.is_nan() || ms < 0.0 {
                return Err(wrong("a time of no less than 0 ms"));
            }
            let count: u64 = count.trim().parse().map_err(|_| wrong("a whole number as count"))?;
            let ns = (ms * MS_NS).round() as u64;
            let sum = counts.entry((ns, ns)).or_default();
            *sum = sum.checked_add(count).ok_or(HistogramError::TooMany)?;
        }
        Self::new(counts)
    }

    fn new(counts: BTreeMap<(u64, u64), u64>) -> Result<Self, HistogramError> {
        let (mut up_to, mut sum_ns) = (0_u64, 0_u128);
        let mut buckets = Vec::with_capacity(counts.len());
        for ((low_ns, high_ns), count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            if high_ns > MAX_NS {
                return Err(HistogramError::TooLong);
            }
            up_to = up_to.checked_add(count).ok_or(HistogramError::TooMany)?;
            sum_ns += u128::from(low_ns.midpoint(high_ns)) * u128::from(count);
            buckets.push(Bucket { low_ns, high_ns, up_to });
        }
        if up_to == 0 {
            return Err(HistogramError::Empty);
        }
        let mean_ns = (sum_ns / u128::from(up_to)) as u64;
        Ok(Self { buckets: buckets.into(), mean_ns })
    }

    /// One draw, in ns: a bucket by its count, and any time within it alike.
    pub(super) fn sample(&self, rng: &mut Generator) -> u64 {
        let total = self.buckets.last().map_or(1, |bucket| bucket.up_to);
        let rank = rng::below(rng.next_u64(), total as usize) as u64;
        let bucket = self.buckets[self.buckets.partition_point(|bucket| bucket.up_to <= rank)];
        let width = (bucket.high_ns - bucket.low_ns) as usize + 1;
        bucket.low_ns + rng::below(rng.next_u64(), width) as u64
    }

    /// The same with every time times `factor`.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        let times = |ns: u64| (ns as f64 * factor).round() as u64;
        let bucket = |bucket: &Bucket| {
            let (low_ns, high_ns) = (times(bucket.low_ns), times(bucket.high_ns));
            Bucket { low_ns, high_ns, ..*bucket }
        };
        Self { buckets: self.buckets.iter().map(bucket).collect(), mean_ns: times(self.mean_ns) }
    }

    /// The mean, in whole ns.
    pub(super) const fn mean_ns(&self) -> u64 {
        self.mean_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
    use hdrhistogram::serialization::{V2DeflateSerializer, V2Serializer};
    use std::time::Duration;

    /// Two intervals: 9,000 times near 100 ms, and then 1,000 near 2 s.
    fn log(compressed: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut plain = V2Serializer::new();
        let mut deflate = V2DeflateSerializer::new();
        let histogram = |ns: u64, count: u64| {
            let mut histogram: Histogram<u64> =
                Histogram::new_with_bounds(1, 7_200_000_000_000, 2).unwrap();
            histogram.record_n(ns, count).unwrap();
            histogram
        };
        let intervals = [histogram(100_000_000, 9_000), histogram(2_000_000_000, 1_000)];
        let second = Duration::from_secs(1);
        macro_rules! write_with {
            ($serializer:expr) => {{
                let mut builder = IntervalLogWriterBuilder::new();
                builder.add_comment("by a test");
                let mut log = builder.begin_log_with(&mut bytes, $serializer).unwrap();
                for histogram in &intervals {
                    log.write_histogram(histogram, second, second, None).unwrap();
                }
            }};
        }
        if compressed {
            write_with!(&mut deflate);
        } else {
            write_with!(&mut plain);
        }
        bytes
    }

    #[test]
    fn an_interval_log_is_drawn_from_by_count_and_within_its_buckets() {
        for compressed in [false, true] {
            let buckets = Buckets::read("get.hlog", &log(compressed)).unwrap();
            let mut rng = rng::stream(1, "test");
            let mut draws: Vec<u64> = (0..100_000).map(|_| buckets.sample(&mut rng)).collect();
            draws.sort_unstable();
            let long = draws.iter().filter(|&&ns| ns > 1_000_000_000).count();
            assert!((9_500..10_500).contains(&long), "{long}");
            // Two digits: a bucket of 100 ms is at most 1 ms wide, and drawn from as a whole.
            let (first, last) = (draws[0], draws[80_000]);
            assert!(first <= 100_000_000 && last >= 100_000_000 && last - first < 1_100_000);
            assert!(last - first > 400_000, "{}", last - first);
            let mean = draws.iter().map(|&ns| ns as f64).sum::<f64>() / draws.len() as f64;
            assert!((mean / buckets.mean_ns() as f64 - 1.0).abs() < 0.02, "{mean}");
        }
    }

    #[test]
    fn a_table_is_drawn_from_by_count() {
        let buckets =
            Buckets::read("a/get.csv", b"service_ms,count\n100,3\n0.5, 1\n\n7,0\n").unwrap();
        let mut rng = rng::stream(1, "test");
        let draws: Vec<u64> = (0..10_000).map(|_| buckets.sample(&mut rng)).collect();
        assert!(draws.iter().all(|ns| [500_000, 100_000_000].contains(ns)));
        let short = draws.iter().filter(|&&ns| ns == 500_000).count();
        assert!((2_300..2_700).contains(&short), "{short}");
        assert_eq!(buckets.mean_ns(), 75_125_000);
    }

    #[test]
    fn what_is_no_histogram_is_refused_with_its_place() {
        let error =
            |name: &str, text: &str| Buckets::read(name, text.as_bytes()).unwrap_err().to_string();
        assert!(error("get.json", "{}").contains(".hlog"));
        assert_eq!(error("get.csv", "ms,count\n"), "line 1: expected service_ms,count");
        assert_eq!(
            error("get.csv", "service_ms,count\n1,1\nx,1\n"),
            "line 3: expected a time in ms"
        );
        assert_eq!(
            error("get.csv", "service_ms,count\n-1,1\n"),
            "line 2: expected a time of no less than 0 ms"
        );
        assert_eq!(error("get.csv", "service_ms,count\n1,0\n"), "it holds no times");
        assert_eq!(error("get.hlog", "#[nothing]\n"), "it holds no times");
        assert!(error("get.csv", "service_ms,count\n1e9,1\n").contains("more than a day"));
        let broken = error("get.hlog", "0.0,1.0,2.0,AAAA\n");
        assert!(broken.starts_with("interval 1 is no HdrHistogram interval"), "{broken}");
        assert!(error("get.hlog", "hello\n").starts_with("interval 1"));
        let encoded = |bytes: &[u8]| {
            let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
            error("get.hlog", &format!("0.0,1.0,2.0,{text}\n"))
        };
        // Says that 2 GiB of counts follow, and ends.
        let mut head = [PLAIN_COOKIE, &[0x7f, 0xff, 0xff, 0xff], &[0; 8]].concat();
        head.extend(
            [0, 0, 0, 2].iter().chain(&1_u64.to_be_bytes()).chain(&1_000_u64.to_be_bytes()),
        );
        head.extend(1_f64.to_be_bytes());
        assert!(encoded(&head).ends_with("it is cut off"), "{}", encoded(&head));
        // 64 MiB of zeros in 64 KiB.
        let zeros = flate2::read::ZlibEncoder::new(
            std::io::repeat(0).take(64 << 20),
            flate2::Compression::fast(),
        );
        let bomb: Vec<u8> = COMPRESSED_COOKIE
            .iter()
            .chain(&[0; 4])
            .copied()
            .chain(std::io::BufReader::new(zeros).bytes().flatten())
            .collect();
        assert!(bomb.len() < 1 << 20 && encoded(&bomb).contains("more than 33554432 bytes"));
        assert_eq!(Buckets::read("a.csv", &[0xff]).unwrap_err(), HistogramError::Encoding);
    }
}
