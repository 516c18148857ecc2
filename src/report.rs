//! The report: runs of the guide's examples, as offline pages, as JSON and as Markdown.
//!
//! A page is made of sections. Each has a module and a folder of its own, with what it runs, its record, its
//! figures, its charts and its blocks of the pages' templates; it imports [`shared`] and no other section.
//! [`decision`] puts the sections of one decision together, [`suite`], [`evidence`] and [`model`] those of the
//! whole report, and [`html`], [`markdown`] and [`json`] write them.

#[cfg(test)]
mod chart_tests;
pub mod decision;
pub mod documents;
pub mod evidence;
#[cfg(test)]
pub(crate) mod fixture;
pub mod guide;
pub mod hlog;
pub mod html;
pub mod json;
pub(crate) mod judged;
pub mod markdown;
pub mod methodology;
pub mod model;
pub mod shared;
pub mod suite;
