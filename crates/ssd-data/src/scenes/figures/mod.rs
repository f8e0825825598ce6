//! What the scenes show: each function builds one model that looks along x and stands on y = 0.

pub mod animals;
pub mod land;
pub mod people;
pub mod road;
pub mod room;
pub mod travel;
