//! The certificates of preflights, chained: each link is the digest of the link before it and of the text.
//!
//! A text that was changed, and a certificate that is missing between others or after them, break the chain, and
//! what is before the break counts no more. Those who may write to the file can forge the whole chain: against them
//! only signatures help.

use super::{Store, StoreError};
use crate::digest::sha256;
use rusqlite::{OptionalExtension as _, TransactionBehavior, params};

/// The table. AUTOINCREMENT remembers the largest number, so that the end of the chain is known.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS certificates (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        made_at_unix_s INTEGER NOT NULL,
        certificate_json TEXT NOT NULL,
        link_before TEXT NOT NULL,
        link TEXT NOT NULL
    );
";

/// A certificate as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCertificate {
    /// Its number.
    pub id: i64,
    /// When it was made, in seconds since 1970, UTC.
    pub made_at_unix_s: i64,
    /// The text of its file.
    pub text: String,
}

/// The certificates of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateChain {
    /// The certificates after the place where the chain is broken, the latest first.
    pub latest_first: Vec<KeptCertificate>,
    /// Number of a certificate that was changed or removed; those before it do not count any more.
    pub broken_at: Option<i64>,
}

/// A certificate's row.
struct ChainedRow {
    kept: KeptCertificate,
    link_before: String,
    link: String,
}

impl ChainedRow {
    /// The link that the row has to have.
    fn expected(&self) -> String {
        let KeptCertificate { id, made_at_unix_s, text } = &self.kept;
        let digest = sha256(text.as_bytes());
        sha256(format!("{} {id} {made_at_unix_s} {digest}", self.link_before).as_bytes())
    }
}

impl Store {
    /// Keeps the `text` of a certificate that was made at `made_at_unix_s`, and returns its number.
    ///
    /// Errors: the store cannot be written.
    pub fn add_certificate(&mut self, text: &str, made_at_unix_s: i64) -> Result<i64, StoreError> {
        self.chain(text, made_at_unix_s).map_err(|source| self.sqlite(source))
    }

    fn chain(&mut self, text: &str, made_at_unix_s: i64) -> rusqlite::Result<i64> {
        let begin = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(begin)?;
        let last = "SELECT link FROM certificates ORDER BY id DESC LIMIT 1";
        let link_before: Option<String> =
            transaction.query_row(last, [], |row| row.get(0)).optional()?;
        let id = largest(&transaction)? + 1;
        let kept = KeptCertificate { id, made_at_unix_s, text: text.to_owned() };
        let row =
            ChainedRow { kept, link_before: link_before.unwrap_or_default(), link: String::new() };
        let insert =
            "INSERT INTO certificates (id, made_at_unix_s, certificate_json, link_before, link)
             VALUES (?1, ?2, ?3, ?4, ?5)";
        transaction
            .execute(insert, params![id, made_at_unix_s, text, row.link_before, row.expected()])?;
        transaction.commit()?;
        Ok(id)
    }

    /// The certificates, as far back as the chain is whole.
    ///
    /// Errors: the store cannot be read.
    pub fn certificates(&self) -> Result<CertificateChain, StoreError> {
        let (rows, largest) = self.chained().map_err(|source| self.sqlite(source))?;
        let mut chain = CertificateChain::default();
        let mut follower: Option<ChainedRow> = None;
        for row in rows {
            let next = follower.as_ref().map_or(largest + 1, |it| it.kept.id);
            let is_followed = follower.as_ref().is_none_or(|it| it.link_before == row.link);
            if row.kept.id + 1 != next || !is_followed {
                chain.broken_at = Some(next - 1);
                break;
            }
            if row.link != row.expected() {
                chain.broken_at = Some(row.kept.id);
                break;
            }
            chain.latest_first.push(row.kept.clone());
            follower = Some(row);
        }
        Ok(chain)
    }

    fn chained(&self) -> rusqlite::Result<(Vec<ChainedRow>, i64)> {
        let select = "SELECT id, made_at_unix_s, certificate_json, link_before, link
             FROM certificates ORDER BY id DESC";
        let mut statement = self.connection.prepare(select)?;
        let rows = statement.query_map([], |row| {
            let kept =
                KeptCertificate { id: row.get(0)?, made_at_unix_s: row.get(1)?, text: row.get(2)? };
            Ok(ChainedRow { kept, link_before: row.get(3)?, link: row.get(4)? })
        })?;
        Ok((rows.collect::<Result<_, _>>()?, largest(&self.connection)?))
    }
}

/// The largest number that a certificate ever had.
fn largest(connection: &rusqlite::Connection) -> rusqlite::Result<i64> {
    let select = "SELECT seq FROM sqlite_sequence WHERE name = 'certificates'";
    let largest = connection.query_row(select, [], |row| row.get(0)).optional()?;
    Ok(largest.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Purge;

    fn store(folder: &tempfile::TempDir) -> Store {
        let mut store = Store::open(&folder.path().join("store.sqlite")).unwrap();
        for (at, text) in [(10, "one"), (20, "two"), (30, "three")] {
            store.add_certificate(text, at).unwrap();
        }
        store
    }

    fn ids(store: &Store) -> (Vec<i64>, Option<i64>) {
        let chain = store.certificates().unwrap();
        (chain.latest_first.iter().map(|it| it.id).collect(), chain.broken_at)
    }

    #[test]
    fn certificates_come_back_the_latest_first() {
        let folder = tempfile::tempdir().unwrap();
        let chain = store(&folder).certificates().unwrap();
        let kept = chain.latest_first.iter();
        let read: Vec<_> = kept.map(|it| (it.id, it.made_at_unix_s, &*it.text)).collect();
        assert_eq!(read, [(3, 30, "three"), (2, 20, "two"), (1, 10, "one")]);
        assert_eq!(chain.broken_at, None);
    }

    #[test]
    fn a_certificate_counts_only_while_nothing_after_it_was_changed() {
        let cases: [(&str, &[i64], i64); 6] = [
            ("UPDATE certificates SET certificate_json = 'other' WHERE id = 2", &[3], 2),
            ("UPDATE certificates SET certificate_json = 'other' WHERE id = 3", &[], 3),
            ("UPDATE certificates SET made_at_unix_s = 21 WHERE id = 2", &[3], 2),
            ("DELETE FROM certificates WHERE id = 2", &[3], 2),
            ("DELETE FROM certificates WHERE id = 3", &[], 3),
            ("UPDATE certificates SET link_before = '' WHERE id = 3", &[], 3),
        ];
        for (change, left, broken_at) in cases {
            let folder = tempfile::tempdir().unwrap();
            let mut store = store(&folder);
            store.connection.execute(change, []).unwrap();
            assert_eq!(ids(&store), (left.to_vec(), Some(broken_at)), "{change}");
            // The next preflight counts again.
            store.add_certificate("four", 40).unwrap();
            let (left, broken) = ids(&store);
            assert!(left.first() == Some(&4) && broken.is_some(), "{change}: {left:?}");
        }
    }

    #[test]
    fn a_purge_leaves_a_chain() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(&folder);
        store.purge(Purge::Before(20)).unwrap();
        assert_eq!(ids(&store), (vec![3, 2], None));
        store.purge(Purge::All).unwrap();
        assert_eq!(ids(&store), (Vec::new(), None));
        store.add_certificate("four", 40).unwrap();
        assert_eq!(ids(&store), (vec![4], None));
    }
}
