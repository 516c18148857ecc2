//! The sections that check the guide, and its page.

pub(crate) mod batches;
pub mod claims;
pub(crate) mod examples;
pub(crate) mod map;
pub(crate) mod odds;
pub(crate) mod responses;
pub(crate) mod verdict;
