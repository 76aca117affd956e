//! Tests of what people see of a theme: contrast as WCAG 2 measures it, and colours as people with a colour vision
//! deficiency see them, by the matrices of Machado, Oliveira and Fernandes (2009), severity 1.0, in linear RGB.

use ratatui::style::{Color, Modifier};

use super::*;

type Rgb = [f64; 3];
type Matrix = [Rgb; 3];

const NORMAL: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
const DEUTERANOPIA: Matrix =
    [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]];
const PROTANOPIA: Matrix =
    [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]];
const TRITANOPIA: Matrix =
    [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]];

/// sRGB to linear light.
fn linear(color: Color) -> Option<Rgb> {
    let Color::Rgb(r, g, b) = color else { return None };
    let light = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    Some([light(r), light(g), light(b)])
}

fn apply(m: &Matrix, v: Rgb) -> Rgb {
    m.map(|row| (row[0] * v[0] + row[1] * v[1] + row[2] * v[2]).clamp(0.0, 1.0))
}

fn luminance(v: Rgb) -> f64 {
    0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]
}

fn contrast(a: Color, b: Color) -> f64 {
    let (a, b) = (luminance(linear(a).unwrap()), luminance(linear(b).unwrap()));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// CIE L*a*b* under D65.
fn lab(v: Rgb) -> Rgb {
    let xyz = [
        (0.412_456_4 * v[0] + 0.357_576_1 * v[1] + 0.180_437_5 * v[2]) / 0.950_47,
        0.212_672_9 * v[0] + 0.715_152_2 * v[1] + 0.072_175_0 * v[2],
        (0.019_333_9 * v[0] + 0.119_192_0 * v[1] + 0.950_304_1 * v[2]) / 1.088_83,
    ];
    let [x, y, z] = xyz.map(|t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// How different two colours look to somebody, as the distance in L*a*b*: 2.3 is just noticeable side by side.
fn difference(a: Color, b: Color, eyes: &Matrix) -> f64 {
    let (a, b) = (lab(apply(eyes, linear(a).unwrap())), lab(apply(eyes, linear(b).unwrap())));
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn load(name: &str) -> Theme {
    Theme::load(&Library::default(), name, ColorLevel::True).unwrap()
}

fn foreground(theme: &Theme, role: Role) -> Color {
    theme.style(role).fg.unwrap()
}

/// Themes with colours of their own, the others have the terminal's.
const COLOURED: [&str; 5] = ["dark", "light", "high-contrast", "okabe-ito", "tritan"];

/// What the screen's background can be: the theme's own, or that of terminals that it is made for.
fn backgrounds(theme: &Theme) -> Vec<Color> {
    match (theme.style(Role::Text).bg, theme.background) {
        (Some(color), _) => vec![color],
        (None, Background::Light) => vec![Color::Rgb(255, 255, 255), Color::Rgb(245, 245, 245)],
        (None, _) => vec![Color::Rgb(0, 0, 0), Color::Rgb(30, 30, 30)],
    }
}

const TEXTS: [Role; 18] = [
    Role::Text,
    Role::Dim,
    Role::Strong,
    Role::Brand,
    Role::Bar,
    Role::Focus,
    Role::Title,
    Role::Column,
    Role::Resting,
    Role::Mark,
    Role::Ok,
    Role::Busy,
    Role::Wait,
    Role::Warn,
    Role::Error,
    Role::Key,
    Role::Hint,
    Role::Off,
];

#[test]
fn texts_can_be_read_on_every_background_that_they_stand_on() {
    for name in COLOURED {
        let theme = load(name);
        let (plain, raised) = match name {
            "high-contrast" => (7.0, 7.0),
            "okabe-ito" | "tritan" => (4.5, 4.5),
            _ => (4.5, 3.5),
        };
        let screens = backgrounds(&theme).into_iter().map(|color| (color, plain));
        let over = [Role::Cursor, Role::Popup].map(|role| (theme.style(role).bg.unwrap(), raised));
        for (background, least) in screens.chain(over) {
            for role in TEXTS {
                let found = contrast(foreground(&theme, role), background);
                assert!(found >= least, "{name}: {role:?} on {background}: {found:.2}, wanted {least}");
            }
        }
        for (role, word, ..) in ROLES {
            if let (Some(fg), Some(bg)) = (theme.style(*role).fg, theme.style(*role).bg) {
                assert!(contrast(fg, bg) >= 4.5, "{name}: {word}: {:.2}", contrast(fg, bg));
            }
        }
    }
}

#[test]
fn states_and_loads_differ_for_every_eye_in_the_themes_that_promise_it() {
    for name in ["okabe-ito", "tritan"] {
        let theme = load(name);
        for (eyes, sight) in
            [(NORMAL, "normal"), (DEUTERANOPIA, "deutan"), (PROTANOPIA, "protan"), (TRITANOPIA, "tritan")]
        {
            let states = [Role::Ok, Role::Warn, Role::Error];
            for (i, a) in states.iter().enumerate() {
                for b in &states[i + 1..] {
                    let found = difference(foreground(&theme, *a), foreground(&theme, *b), &eyes);
                    assert!(found >= 20.0, "{name}, {sight}: {a:?} and {b:?} differ by {found:.1}");
                }
            }
            let busy = difference(foreground(&theme, Role::Busy), foreground(&theme, Role::Error), &eyes);
            assert!(busy >= 20.0, "{name}, {sight}: busy and error differ by {busy:.1}");
            // Each level differs from the next, and light alone tells their order.
            let levels: Vec<Color> = (0..8).map(|level| theme.heat(level).fg.unwrap()).collect();
            let light: Vec<f64> = levels.iter().map(|c| lab(apply(&eyes, linear(*c).unwrap()))[0]).collect();
            let sign = (light[7] - light[0]).signum();
            for i in 0..7 {
                let found = difference(levels[i], levels[i + 1], &eyes);
                assert!(found >= 6.0, "{name}, {sight}: heat{i} and the next differ by {found:.1}");
                assert!((light[i + 1] - light[i]) * sign >= 3.0, "{name}, {sight}: heat{i} is out of order");
            }
        }
    }
}

#[test]
fn the_simulation_confuses_what_such_people_confuse() {
    let (red, green) = (Color::Rgb(0xb0, 0x50, 0x20), Color::Rgb(0x70, 0x78, 0x20));
    assert!(difference(red, green, &NORMAL) > 40.0);
    assert!(difference(red, green, &DEUTERANOPIA) < 15.0);
    let (blue, green) = (Color::Rgb(0x20, 0x90, 0xd0), Color::Rgb(0x20, 0xa0, 0x90));
    assert!(difference(blue, green, &NORMAL) > 25.0);
    assert!(difference(blue, green, &TRITANOPIA) < 15.0);
}

#[test]
fn heat_can_be_seen_on_every_background() {
    for name in COLOURED {
        let theme = load(name);
        for background in backgrounds(&theme) {
            for level in 0..8 {
                let found = contrast(theme.heat(level).fg.unwrap(), background);
                assert!(found >= 1.7, "{name}: heat{level} on {background}: {found:.2}");
            }
        }
    }
}

#[test]
fn the_sixteen_colour_theme_has_only_colours_that_no_palette_hides() {
    let theme = load("ansi16");
    let safe = [Color::Red, Color::Green, Color::Yellow, Color::Blue, Color::Magenta, Color::Cyan];
    for (role, name, ..) in ROLES {
        let style = theme.style(*role);
        assert!(style.fg.is_none_or(|color| safe.contains(&color)), "{name}: {style:?}");
        assert_eq!(style.bg, None, "{name}: a background of the palette may hide the text on it");
    }
    for role in [Role::Cursor, Role::FieldFocus, Role::ButtonFocus, Role::Pointed, Role::Over] {
        assert!(theme.style(role).add_modifier.contains(Modifier::REVERSED), "{role:?}");
    }
}
