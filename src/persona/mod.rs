//! Who a vendor meets: how far it is trusted, the values made for it, and what becomes of a real one on its way there.
//!
//! [`policy`] decides, [`derive`] and [`format`] make values, [`Wardrobe`] keeps the ones a member has, [`Mask`] turns
//! hits of the editor into edits. All but the wardrobe is pure.

pub mod derive;
pub mod format;
