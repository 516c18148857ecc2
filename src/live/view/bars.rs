//! Accounts by verdict as one bar, and each endpoint's places as boxes with its refusals as ticks.
//!
//! They are too small for the canvas of the charts: a row of boxes is one dashed line.

use crate::live::{AccountCounts, EndpointState};
use crate::text::{count, fine_ms, percent, plural};
use serde::Serialize;
use std::fmt::Write as _;

/// The least part of the bar that can be seen, in per cent.
const LEAST_SHARE: f64 = 0.8;

/// Parts that are wider than that have room for their sign, in per cent.
const ROOM_FOR_SIGN: f64 = 6.0;

/// One kind of accounts: a part of the bar, and a line of the list below it.
#[derive(Debug, Serialize)]
pub(super) struct VerdictPart {
    sign: &'static str,
    name: &'static str,
    accounts: u64,
    /// Left end and width on the bar, in per cent.
    left: String,
    width: String,
    /// The middle of the part, if its sign has room there, in per cent.
    middle: Option<String>,
}

/// The kinds of accounts that have ended, and those that have not.
pub(super) fn verdicts(accounts: &AccountCounts) -> Vec<VerdictPart> {
    let AccountCounts { migrated, unchanged, unmapped, skipped, failed, reviewed, .. } = *accounts;
    let to_go = accounts.all.unwrap_or(0).saturating_sub(accounts.ended());
    let kinds = [
        ("✓", "migrated", migrated),
        ("=", "unchanged", unchanged),
        ("?", "unmapped", unmapped),
        ("–", "skipped", skipped),
        ("✕", "failed", failed),
        ("↺", "reviewed", reviewed),
        ("", "to go", to_go),
    ];
    let all = (accounts.ended() + to_go).max(1) as f64;
    let share = |number: u64| match number {
        0 => 0.0,
        _ => (number as f64 / all * 100.0).max(LEAST_SHARE),
    };
    let sum: f64 = kinds.iter().map(|(_, _, number)| share(*number)).sum();
    let mut left = 0.0;
    let kinds = kinds.into_iter().map(|(sign, name, accounts)| {
        let width = share(accounts) * 100.0 / sum.max(1.0);
        let from = left;
        left += width;
        let middle = (width > ROOM_FOR_SIGN).then(|| format!("{:.1}", from + width / 2.0));
        VerdictPart {
            sign,
            name,
            accounts,
            left: format!("{from:.1}"),
            width: format!("{width:.1}"),
            middle,
        }
    });
    kinds.collect()
}

/// An endpoint as the page shows it.
#[derive(Debug, Serialize)]
pub(super) struct EndpointView<'a> {
    name: &'a str,
    /// `3 of 5 places in flight, 2 left to others`.
    places: String,
    boxes: String,
    /// Calls that one box stands for.
    calls_per_box: u32,
    /// `14 of 12,345 calls refused, 3 in the last ten minutes`.
    refused: String,
    ticks: String,
    /// 50th and 99th percentile of the response time, in ms.
    response_ms: Option<[String; 2]>,
    sampled: u64,
    answered: u64,
}

pub(super) fn endpoints<'a>(endpoints: &'a [EndpointState]) -> Vec<EndpointView<'a>> {
    let most = endpoints.iter().flat_map(|it| it.refused_by_minute).max().unwrap_or(0);
    let view = |endpoint: &'a EndpointState| {
        let (boxes, calls_per_box) = boxes(endpoint);
        EndpointView {
            name: endpoint.endpoint,
            places: places(endpoint),
            boxes,
            calls_per_box,
            refused: refused(endpoint),
            ticks: ticks(&endpoint.refused_by_minute, most),
            response_ms: endpoint.response_ms.map(|them| them.map(fine_ms)),
            sampled: endpoint.sampled,
            answered: endpoint.answered,
        }
    };
    endpoints.iter().map(view).collect()
}

fn places(endpoint: &EndpointState) -> String {
    let in_flight = endpoint.in_flight;
    let Some(limit) = endpoint.limit else {
        return format!("{} in flight, no limit", plural(in_flight.into(), "call"));
    };
    let others = match endpoint.left_to_others {
        0 => String::new(),
        places => format!(", {} left to others", count(places.into())),
    };
    format!("{} of {} taken{others}", count(in_flight.into()), plural(limit.into(), "place"))
}

fn refused(endpoint: &EndpointState) -> String {
    let EndpointState { refused, answered, refused_by_minute, .. } = endpoint;
    if *refused == 0 {
        return format!("none of {} refused", plural(*answered, "call"));
    }
    let lately: u64 = refused_by_minute.iter().map(|number| u64::from(*number)).sum();
    let share = percent(*refused as f64 / (*answered).max(1) as f64);
    let share = if share == "0 %" { String::new() } else { format!(" ({share})") };
    format!(
        "{} of {} refused{share}, {} in the last 10 min",
        count(*refused),
        plural(*answered, "call"),
        count(lately)
    )
}

/// Boxes of one row, and of all.
const ROW: u32 = 20;
const MOST_BOXES: u32 = 5 * ROW;

/// Side of a box, and the distance from one to the next, in px.
const SIDE: u32 = 10;
const PITCH: u32 = 13;

/// The places of `endpoint` as boxes: taken, free, left to others; and how many each box stands for.
fn boxes(endpoint: &EndpointState) -> (String, u32) {
    let taken = endpoint.in_flight;
    let all = endpoint.limit.unwrap_or(0).max(taken);
    let others = endpoint.left_to_others.min(all - taken);
    let each = all.div_ceil(MOST_BOXES).max(1);
    let [taken, to_free, all] = [taken, all - others, all].map(|places| places.div_ceil(each));
    let rows = all.div_ceil(ROW).max(1);
    let (width, height) = (ROW * PITCH - PITCH + SIDE, rows * PITCH - PITCH + SIDE);
    let mut svg = format!(
        "<svg class=\"boxes\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" aria-hidden=\"true\">"
    );
    boxes_of(&mut svg, [0, taken], 0, "taken");
    boxes_of(&mut svg, [taken, to_free], 0, "free");
    // Free boxes are hollow: the card's colour within an edge.
    boxes_of(&mut svg, [taken, to_free], 1, "hole");
    boxes_of(&mut svg, [to_free, all], 0, "others");
    svg.push_str("</svg>");
    (svg, each)
}

/// Draws boxes `from` up to `to`, each smaller by an `edge` on all sides; the style sheet has the dashes of a `kind`.
fn boxes_of(svg: &mut String, [from, to]: [u32; 2], edge: u32, kind: &str) {
    if from >= to {
        return;
    }
    let side = SIDE - 2 * edge;
    let mut path = String::new();
    for row in from / ROW..=(to - 1) / ROW {
        let [first, end] = [from.max(row * ROW), to.min((row + 1) * ROW)];
        let (x, y) = ((first - row * ROW) * PITCH + edge, row * PITCH + SIDE / 2);
        let _ = write!(path, "M{x} {y}h{}", (end - first - 1) * PITCH + side);
    }
    let _ = write!(svg, "<path class=\"{kind}\" d=\"{path}\"/>");
}

/// Height of the strip of refusals, in px.
const STRIP: u32 = 24;

/// Refusals of ten minutes as ticks over a line; `most` of a minute are as high as the strip.
fn ticks(by_minute: &[u32; 10], most: u32) -> String {
    let numbers: Vec<String> = by_minute.iter().map(u32::to_string).collect();
    let mut path = String::new();
    for (place, number) in (0u32..).zip(by_minute).filter(|(_, number)| **number > 0) {
        let height = (f64::from(*number) / f64::from(most) * f64::from(STRIP)).round().max(3.0);
        let _ = write!(path, "M{} {STRIP}v-{height}", place * PITCH + SIDE / 2);
    }
    let (width, height) = (10 * PITCH - PITCH + SIDE, STRIP + 2);
    format!(
        "<svg class=\"ticks\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"Refusals per minute, the latest last: {}\"><path d=\"M0 {}h{width}\" class=\"base\"/>\
         <path d=\"{path}\"/></svg>",
        numbers.join(", "),
        STRIP + 1
    )
}
