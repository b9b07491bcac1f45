//! What every engine must do, as tests that take how to open one. [`conformance_tests`](crate::conformance_tests) makes a
//! test of each.
#![allow(clippy::unwrap_used, missing_docs)] // tests, and what they share with an engine's own

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use hearken_model::Document;

use crate::{Lookup, Search, Store};

pub mod asked;
pub mod generated;
pub mod made_up;
pub mod rules;

/// An open index.
pub struct OpenEngine {
    pub store: Box<dyn Store>,
    pub search: Arc<dyn Search>,
    pub lookup: Arc<dyn Lookup>,
}

/// How many generated questions the rules ask that generate any: fewer where each is a request to another process.
pub static NUM_GENERATED: AtomicU32 = AtomicU32::new(600);

/// Opens a new index that holds these batches: each was put and made visible, one after the other. An engine that keeps
/// documents in several ways has a function for each.
pub type Open = fn(batches: &[Vec<Document>]) -> OpenEngine;

/// An index and what it should hold.
pub struct World {
    pub search: Arc<dyn Search>,
    pub documents: Vec<Document>,
    _store: Box<dyn Store>,
}

impl World {
    /// Holds these documents, put in three batches.
    pub fn of(open: Open, documents: Vec<Document>) -> World {
        let of_each = documents.len().div_ceil(3).max(1);
        let batches: Vec<Vec<Document>> = documents.chunks(of_each).map(<[_]>::to_vec).collect();
        World::after(open, &batches, documents)
    }

    /// Holds what [`made_up::story`] leaves.
    pub fn made_up(open: Open) -> World {
        let (batches, documents) = made_up::story();
        World::after(open, &batches, documents)
    }

    fn after(open: Open, batches: &[Vec<Document>], documents: Vec<Document>) -> World {
        let OpenEngine { store, search, .. } = open(batches);
        World { search, documents, _store: store }
    }
}

/// Hands the names of all rules to a macro, after what else it is given.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_rules {
    ([$($with:tt)*] $($given:tt)*) => {
        $($with)*! { $($given)*;
            every_answer_is_what_a_scan_finds,
            single_conditions_find_what_a_scan_finds,
            what_people_paste_is_found_but_not_as_something_said,
            impossible_requests_are_refused,
            what_changed_is_told,
            a_flush_makes_the_checkpoint_durable,
            every_sort_orders_all_matches_and_pages_through_each_once,
            an_export_ends_when_it_is_told_to,
            an_interaction_of_another_organization_is_not_there,
            replaced_and_erased_interactions_leave_no_trace_in_any_answer,
            what_was_removed_is_gone_without_a_trace_and_may_come_again,
            what_is_silent_is_found_by_its_filters_oldest_first,
            a_facet_keeps_the_most_frequent_values_and_counts_the_missing,
            ranges_come_in_order_with_the_empty_ones_and_missing_last,
            the_first_and_the_last_interval_are_open,
            more_intervals_than_can_be_shown_are_refused,
            what_is_neither_in_a_range_nor_says_a_phrase_is_found,
            an_overview_counts_over_time_and_sums_up,
            weeks_begin_on_mondays,
        }
    };
}

/// Makes a test of every rule, for the engine that `$open`, an [`Open`](crate::conformance::Open), opens.
#[macro_export]
macro_rules! conformance_tests {
    ($open:expr) => {
        $crate::conformance_rules! { [$crate::conformance_tests] $open }
    };
    ($open:expr; $($rule:ident,)*) => {
        $(
            #[test]
            fn $rule() {
                $crate::conformance::rules::$rule($open);
            }
        )*
    };
}

macro_rules! listed {
    (all; $($rule:ident,)*) => {
        /// Every rule by name, for an engine whose tests must share what is slow to start.
        pub const RULES: &[(&str, fn(Open))] = &[$((stringify!($rule), rules::$rule),)*];
    };
}

crate::conformance_rules! { [listed] all }
