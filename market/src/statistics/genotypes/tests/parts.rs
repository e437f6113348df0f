//! From parts to one table.

use super::*;

fn three_variants() -> VariantTable {
    let dosages = vec![vec![Dosage::Het, Dosage::HomAlt, Dosage::Missing]; 4];
    part(&people(&[0, 0, 1, 1], &dosages), &numbered(3), by_status().to_vec(), (0, 0, 32))
}

#[test]
fn slots_past_the_panels_end_are_left_out() {
    let table = three_variants();
    assert_eq!(table.groups(), ["status 0", "status 1"]);
    assert_eq!(table.variants().len(), 3);
    assert_eq!(table.variants()[1].variant.pos, 2);
    assert_eq!(table.variants()[1].groups[0].hom_alt, Sum::exact(2));
    let cells = Cells { axes: vec![], values: vec![table.variants()[0].groups.clone()] };
    assert!(VariantTable::of_part(&numbered(3), 0, 32, &cells).is_err());
    assert!(VariantTable::of_part(&numbered(3), 1, 0, &cells).is_err());
    assert!(VariantTable::of_part(&numbered(3), u32::MAX, u16::MAX, &cells).is_err());
}

#[test]
fn variants_of_a_later_window_have_their_own_names() {
    let cells = Cells { axes: vec![], values: vec![three_variants().variants()[0].groups.clone()] };
    let table = VariantTable::of_part(&numbered(2_000), 1, 64, &cells).unwrap();
    assert_eq!(table.groups(), ["everyone"]);
    assert_eq!((table.variants()[0].place, table.variants()[0].variant.pos), (1_088, 1_089));
}

#[test]
fn cells_of_other_variants_are_refused() {
    let sums = three_variants().variants()[0].groups.clone();
    let uneven = Cells { axes: vec![], values: vec![sums.clone(), vec![]] };
    assert!(VariantTable::of_part(&numbered(3), 0, 0, &uneven).is_err());
    let none = Cells { axes: vec![], values: vec![] };
    assert!(VariantTable::of_part(&numbered(3), 0, 0, &none).is_err());
}

#[test]
fn parts_join_in_the_panels_order_and_never_twice() {
    let part = |first: u16| {
        let cells = Cells { axes: vec![], values: vec![three_variants().variants()[0].groups.clone()] };
        VariantTable::of_part(&numbered(100), 0, first, &cells).unwrap()
    };
    let joined = VariantTable::join(vec![part(32), part(0)]).unwrap();
    assert_eq!(joined.variants().iter().map(|counts| counts.place).collect::<Vec<_>>(), [0, 1, 32, 33]);
    assert!(VariantTable::join(vec![part(0), part(0)]).is_err());
    assert!(VariantTable::join(vec![part(0), three_variants()]).is_err());
    assert!(VariantTable::join(vec![]).is_err());
}

#[test]
fn groups_together_are_everyone() {
    let pooled = three_variants().pooled();
    assert_eq!(pooled.groups(), ["everyone"]);
    assert_eq!(pooled.variants()[0].groups[0].het, Sum::exact(4));
}
