//! The way without API writes: a migration as CSV files for Neon's Account Batch Update, and the files that undo it.
//!
//! The importer overwrites with nothing wherever a cell is blank. Values that are set and fields that are cleared
//! therefore never share a file, and a file that sets values holds no account that leaves one of its columns
//! alone: it has no blank cell. Deliberately absent: calls and files, which are the command line's.

mod builder;
mod cell;
mod cost;
mod guide;
mod table;

pub use builder::{ImportBuilder, ImportFigures, ImportSet, LeftOutAccount};
pub use cell::{ColumnError, Separator};
pub use cost::ImportCost;
pub use guide::Circumstances;
pub use table::{ImportFile, ImportTable};
