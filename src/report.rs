//! The report: runs of the guide's examples, as one offline page, as JSON and as Markdown.
//!
//! [`suite`] makes the runs. From there on everything is a pure function of their records:
//! [`evidence`] -> [`model`] -> [`charts`] -> [`html`], [`markdown`], [`json`].

pub mod charts;
pub mod claims;
pub mod decision;
pub mod documents;
pub mod evidence;
mod figures;
pub mod fit;
#[cfg(test)]
pub(crate) mod fixture;
pub mod hlog;
pub mod html;
pub mod json;
pub mod markdown;
pub mod model;

pub mod suite;
mod template;
