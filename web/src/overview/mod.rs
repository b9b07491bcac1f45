//! `/overview`: how many, how they feel, what about, where from, at what cost.

mod volume;

pub(crate) use volume::Volume;
