//! One picture: the time of a decision against the number of policies. Both axes are logarithmic, so a line that rises by
//! one field for each field is ten times as slow for ten times as many.

use std::fmt::Write as _;

use super::format;
use super::results::{Figure, Results, Unit};

/// The picture as SVG, readable on light and on dark ground.
pub(super) fn svg(results: &Results) -> String {
    let lines: Vec<Line> = ENGINES.iter().filter_map(|engine| Line::of(results, *engine)).collect();
    let mut text = HEAD.to_owned();
    grid(&mut text);
    for line in &lines {
        line.draw(&mut text);
    }
    for (line, y) in lines.iter().zip(labels(&lines)) {
        let (x, _) = line.end();
        let _ = writeln!(
            text,
            r#"<text class="{}" x="{:.1}" y="{:.1}">{}</text>"#,
            line.class,
            x + 8.0,
            y + 4.0,
            line.name
        );
    }
    text + "</svg>\n"
}

/// The times of one engine, as places in the picture.
struct Line {
    name: &'static str,
    class: &'static str,
    points: Vec<(f64, f64)>,
}

impl Line {
    fn of(results: &Results, (name, class): (&'static str, &'static str)) -> Option<Self> {
        let prefix = format!("peers/role/{name}");
        let mut times: Vec<(u64, f64)> = results
            .below(&prefix)
            .filter_map(|(size, _)| Some((size.parse().ok()?, results.figure(&format!("{prefix}/{size}"))?.value)))
            .collect();
        times.sort_by_key(|(size, _)| *size);
        let points: Vec<(f64, f64)> = times.into_iter().map(|(size, nanos)| (x(size as f64), y(nanos))).collect();
        (!points.is_empty()).then_some(Self { name, class, points })
    }

    fn end(&self) -> (f64, f64) {
        self.points.last().copied().unwrap_or_default()
    }

    fn draw(&self, text: &mut String) {
        let points: Vec<String> = self.points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(text, r#"<polyline class="{}" points="{}"/>"#, self.class, points.join(" "));
        for (x, y) in &self.points {
            let _ = writeln!(text, r#"<circle class="{}" cx="{x:.1}" cy="{y:.1}" r="3"/>"#, self.class);
        }
    }
}

/// The height of each line's label: that of its end, moved up where two would cover each other.
fn labels(lines: &[Line]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    let end = |line: &usize| lines.get(*line).map(Line::end).unwrap_or_default();
    order.sort_by(|one, other| end(other).1.total_cmp(&end(one).1));
    let mut heights = vec![0.0; lines.len()];
    let mut placed: Vec<(f64, f64)> = Vec::new();
    for line in order {
        let (x, mut y) = end(&line);
        // From the bottom upwards, so only what is below can be in the way.
        while let Some((_, other)) =
            placed.iter().find(|(at, other)| (at - x).abs() < LABEL_WIDTH && (other - y).abs() < LABEL_HEIGHT)
        {
            y = other - LABEL_HEIGHT;
        }
        placed.push((x, y));
        if let Some(height) = heights.get_mut(line) {
            *height = y;
        }
    }
    heights
}

fn grid(text: &mut String) {
    for exponent in 0..=MOST_POLICIES {
        let size = 10_u64.pow(exponent);
        let x = x(size as f64);
        let _ = writeln!(text, r#"<line class="grid" x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{BOTTOM}"/>"#);
        let label = format::count(&size.to_string());
        let _ = writeln!(
            text,
            r#"<text class="axis" text-anchor="middle" x="{x:.1}" y="{:.1}">{label}</text>"#,
            BOTTOM + 18.0
        );
    }
    for exponent in LEAST_NANOS..=MOST_NANOS {
        let value = 10_f64.powi(exponent);
        let y = y(value);
        let _ = writeln!(text, r#"<line class="grid" x1="{LEFT}" y1="{y:.1}" x2="{RIGHT}" y2="{y:.1}"/>"#);
        let label = format::figure(Figure { value, unit: Unit::Nanos }).replace(".00", "").replace(".0", "");
        let _ = writeln!(
            text,
            r#"<text class="axis" text-anchor="end" x="{:.1}" y="{:.1}">{label}</text>"#,
            LEFT - 8.0,
            y + 4.0
        );
    }
}

fn x(policies: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * policies.log10() / f64::from(MOST_POLICIES)
}

fn y(nanos: f64) -> f64 {
    let part = (nanos.log10() - f64::from(LEAST_NANOS)) / f64::from(MOST_NANOS - LEAST_NANOS);
    BOTTOM - (BOTTOM - TOP) * part
}

/// The engines, and how they are drawn.
const ENGINES: [(&str, &str); 7] = [
    ("portcullis", "us"),
    ("cedar-policy", "a"),
    ("cedarling", "b"),
    ("casbin", "c"),
    ("regorus-rules", "d"),
    ("regorus-data", "e"),
    ("biscuit-auth", "f"),
];

const LEFT: f64 = 70.0;
const RIGHT: f64 = 610.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 440.0;

/// As powers of ten.
const MOST_POLICIES: u32 = 5;
const LEAST_NANOS: i32 = 2;
const MOST_NANOS: i32 = 9;

const LABEL_WIDTH: f64 = 100.0;
const LABEL_HEIGHT: f64 = 15.0;

const HEAD: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 740 490" width="740" height="490" role="img" aria-labelledby="title">
<title id="title">Time of a decision against the number of policies, one line for each engine</title>
<style>
text { font: 13px system-ui, sans-serif; fill: #333; }
.axis { fill: #666; font-size: 12px; }
.grid { stroke: #8884; stroke-width: 1; }
polyline { fill: none; stroke-width: 1.5; }
polyline.us { stroke-width: 3.5; }
text.us { font-weight: 700; }
.us { stroke: #d9480f; } circle.us { fill: #d9480f; } text.us { stroke: none; fill: #d9480f; }
.a { stroke: #1c7ed6; } circle.a { fill: #1c7ed6; } text.a { stroke: none; fill: #1c7ed6; }
.b { stroke: #7048e8; } circle.b { fill: #7048e8; } text.b { stroke: none; fill: #7048e8; }
.c { stroke: #2b8a3e; } circle.c { fill: #2b8a3e; } text.c { stroke: none; fill: #2b8a3e; }
.d { stroke: #c2255c; } circle.d { fill: #c2255c; } text.d { stroke: none; fill: #c2255c; }
.e { stroke: #0c8599; } circle.e { fill: #0c8599; } text.e { stroke: none; fill: #0c8599; }
.f { stroke: #868e96; } circle.f { fill: #868e96; } text.f { stroke: none; fill: #868e96; }
@media (prefers-color-scheme: dark) {
text { fill: #ddd; } .axis { fill: #aaa; }
.us { stroke: #ff922b; } circle.us, text.us { fill: #ff922b; }
.a { stroke: #74c0fc; } circle.a, text.a { fill: #74c0fc; }
.b { stroke: #b197fc; } circle.b, text.b { fill: #b197fc; }
.c { stroke: #69db7c; } circle.c, text.c { fill: #69db7c; }
.d { stroke: #f783ac; } circle.d, text.d { fill: #f783ac; }
.e { stroke: #66d9e8; } circle.e, text.e { fill: #66d9e8; }
.f { stroke: #ced4da; } circle.f, text.f { fill: #ced4da; }
}
</style>
<text x="70" y="22">Time of a decision that a role allows, by the number of policies</text>
<text class="axis" text-anchor="middle" x="340" y="480">policies</text>
"##;

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        let text = "peers/role/portcullis/1\t100\tns\npeers/role/portcullis/100000\t100\tns\n\
                    peers/role/cedar-policy/1\t1000\tns\npeers/role/cedar-policy/10\t10000\tns\n\
                    peers/role/casbin/10\t10000\tns\npeers/role/casbin/100\t-\ttoo slow\n";
        Results::parse(text).unwrap()
    }

    #[test]
    fn ten_times_as_many_is_one_field_to_the_right_and_ten_times_as_slow_one_field_up() {
        let svg = svg(&results());
        assert!(svg.contains(r#"<polyline class="us" points="70.0,440.0 610.0,440.0"/>"#), "{svg}");
        assert!(svg.contains(r#"<polyline class="a" points="70.0,382.9 178.0,325.7"/>"#), "{svg}");
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn labels_at_one_place_do_not_cover_each_other() {
        let svg = svg(&results());
        // Both lines end at ten policies and ten microseconds.
        assert!(svg.contains(r#"y="329.7">cedar-policy<"#) && svg.contains(r#"y="314.7">casbin<"#), "{svg}");
    }
}
