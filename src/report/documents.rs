//! The last self-test and the clients that were judged last, as the store holds them.

use super::shared::provenance::Timestamped;
use crate::judge::JudgeRecord;
use crate::selftest::SelftestRecord;
use crate::store::{Store, StoreError, StoredDocument};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Judged clients that a report shows.
const MAX_JUDGED: u32 = 10;

/// Records of earlier commands that a report shows beside its own runs.
#[derive(Debug, Default)]
pub struct StoredDocuments {
    /// The latest self-test.
    pub selftest: Option<Timestamped<SelftestRecord>>,
    /// Judged clients, the latest first, at most ten.
    pub judged: Vec<Timestamped<JudgeRecord>>,
}

impl StoredDocuments {
    /// Reads them from `store`. Errors: the store cannot be read.
    pub fn read(store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            selftest: store.documents(1)?.into_iter().next().map(dated),
            judged: store.documents(MAX_JUDGED)?.into_iter().map(dated).collect(),
        })
    }
}

fn dated<D>(kept: StoredDocument<D>) -> Timestamped<D> {
    let made_at = OffsetDateTime::from_unix_timestamp(kept.made_at_unix_s);
    let made_at = made_at.ok().and_then(|time| time.format(&Rfc3339).ok());
    Timestamped { made_at: made_at.unwrap_or_default(), record: kept.document }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::evidence;

    #[test]
    fn the_latest_come_first_with_their_times() {
        let folder = tempfile::tempdir().unwrap();
        let evidence = evidence();
        let mut store = Store::open(&folder.path().join("documents.sqlite")).unwrap();
        for seed in 0..12_u32 {
            let mut record = evidence.judged[0].record.clone();
            record.seed = seed.into();
            store.add_document(&record, 1_700_000_000 + i64::from(seed)).unwrap();
        }
        for quick in [true, false] {
            let mut record = evidence.selftest.clone().unwrap().record;
            record.quick = quick;
            store.add_document(&record, 1_700_000_000).unwrap();
        }
        let stored = StoredDocuments::read(&store).unwrap();
        let seeds: Vec<u64> = stored.judged.iter().map(|dated| dated.record.seed).collect();
        assert_eq!(seeds, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
        assert_eq!(stored.judged[0].made_at, "2023-11-14T22:13:31Z");
        assert!(!stored.selftest.unwrap().record.quick);
    }
}
