//! What is learned, saved and loaded: whether training reaches what it was asked to learn, and whether a weights file
//! is the detector that it was made from.

mod export;
mod fine_tuning;
mod overfit;
