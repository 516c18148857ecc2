//! Old values of fields before an import, where a cell cannot say them or only in one way.

use super::super::place::Place;
use super::mapping;

/// Old values that an undo file can hold only in part: white space, and several options where one is imported.
const OLD: &str = r#"
schema = 1
[[fields]]
name = "Source"
type = "text"
filled = 1.0
values = ["Red"]

[[fields]]
name = "Blank"
type = "text"
filled = 0.5
values = ["  "]

[[fields]]
name = "Colours"
type = "checkbox"
filled = 0.8
values = ["Red", "Blue", "Green", "Violet"]
"#;

#[test]
fn what_stood_there_is_restored_or_left_alone() {
    let place = Place::new();
    place.file("own.toml", OLD);
    let made = |target: &str, code: i32| {
        place.file("plan.toml", &format!("schema = 1\n{}", mapping("Source", target)));
        let line = "plan export plan.toml --dataset own.toml --resources 100 --json --neon-import";
        let made = place.json(&format!("{line} {target}"), code);
        let text = |name: &str| std::fs::read_to_string(place.path().join(target).join(name));
        (made, text("README.txt").unwrap(), text("left-out.csv").unwrap_or_default())
    };
    let (made_of_blank, guide, left) = made("Blank", 3);
    let refused = left.matches("the old value could not be restored: it holds white space").count();
    assert!(refused > 20 && made_of_blank["left_out"] == refused, "{made_of_blank} {left}");
    assert!(!guide.contains("cells have `|`"), "{guide}");
    let (_, guide, _) = made("Colours", 0);
    assert!(guide.contains("cells have `|`"), "{guide}");
}
