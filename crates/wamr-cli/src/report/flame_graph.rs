//! Flame graphs: who called whom, and how much of the time each took, as an image that browsers
//! show.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

/// Sizes in the image.
const WIDTH: f64 = 1200.0;
const ROW: usize = 18;
/// What would be narrower is left out.
const LEAST_WIDTH: f64 = 0.3;
/// How many places there may be; what is called further in counts for the caller then.
const MAX_NODES: usize = 1 << 20;
/// What a letter takes at most.
const LETTER: f64 = 7.0;

/// A place in the tree of calls.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Node(usize);

impl Node {
    /// Everything.
    pub(super) const ROOT: Self = Self(0);
}

/// A tree of calls with numbers of samples.
pub(super) struct FlameGraph {
    nodes: Vec<NodeData>,
    children: HashMap<(Node, Arc<str>), Node>,
}

struct NodeData {
    name: Arc<str>,
    children: Vec<Node>,
    /// Samples that ended here.
    own: u64,
}

impl Default for FlameGraph {
    fn default() -> Self {
        let root = NodeData { name: "all".into(), children: Vec::new(), own: 0 };
        Self { nodes: vec![root], children: HashMap::new() }
    }
}

impl FlameGraph {
    /// What is called so by a node.
    pub(super) fn child(&mut self, parent: Node, name: &Arc<str>) -> Node {
        let Self { nodes, children } = self;
        if nodes.len() >= MAX_NODES {
            return children.get(&(parent, name.clone())).copied().unwrap_or(parent);
        }
        *children.entry((parent, name.clone())).or_insert_with(|| {
            let node = Node(nodes.len());
            nodes.push(NodeData { name: name.clone(), children: Vec::new(), own: 0 });
            nodes[parent.0].children.push(node);
            node
        })
    }

    /// Counts a sample that ends at a node.
    pub(super) fn count(&mut self, node: Node) {
        self.nodes[node.0].own += 1;
    }

    /// The samples below each node, and its own.
    fn totals(&self) -> Vec<u64> {
        let mut totals: Vec<u64> = self.nodes.iter().map(|node| node.own).collect();
        // Children stand behind their parents.
        for (at, node) in self.nodes.iter().enumerate().rev() {
            totals[at] += node.children.iter().map(|child| totals[child.0]).sum::<u64>();
        }
        totals
    }

    /// The image: callers above what they call.
    pub(super) fn svg(&self, title: &str) -> String {
        let totals = self.totals();
        let all = totals[0];
        let scale = if all == 0 { 0.0 } else { WIDTH / all as f64 };
        let mut boxes = String::new();
        let mut depth = 0;
        // What is still to be drawn: node, row and left edge.
        let mut waiting = vec![(Node::ROOT, 0, 0.0)];
        while let Some((node, row, x)) = waiting.pop() {
            let (data, total) = (&self.nodes[node.0], totals[node.0]);
            let width = total as f64 * scale;
            if width < LEAST_WIDTH && node != Node::ROOT {
                continue;
            }
            depth = depth.max(row + 1);
            rect(&mut boxes, data, (x, row, width.max(0.0)), total, all);
            let mut children: Vec<Node> = data.children.clone();
            children.sort_by(|a, b| self.nodes[a.0].name.cmp(&self.nodes[b.0].name));
            let mut x = x;
            for child in children {
                waiting.push((child, row + 1, x));
                x += totals[child.0] as f64 * scale;
            }
        }
        let height = (depth + 2) * ROW;
        let title = escaped(title);
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"monospace\" font-size=\"11\">\n\
             <title>{title}</title>\n\
             <text x=\"4\" y=\"13\">{title}: {all} samples, one each millisecond; callers above \
             what they call</text>\n{boxes}</svg>\n"
        )
    }
}

fn rect(out: &mut String, data: &NodeData, at: (f64, usize, f64), total: u64, all: u64) {
    let (x, row, width) = at;
    let y = (row + 1) * ROW + 4;
    let percent = if all == 0 { 0.0 } else { total as f64 * 100.0 / all as f64 };
    let name = escaped(&data.name);
    let own = data.own;
    let _ = writeln!(
        out,
        "<g><title>{name}: {total} samples ({percent:.1} %), {own} in itself</title>\
         <rect x=\"{x:.2}\" y=\"{y}\" width=\"{width:.2}\" height=\"{}\" fill=\"{}\"/>\
         <text x=\"{:.2}\" y=\"{}\">{}</text></g>",
        ROW - 1,
        color(&data.name),
        x + 3.0,
        y + 13,
        escaped(&shortened(&data.name, width)),
    );
}

/// As much of a name as fits.
fn shortened(name: &str, width: f64) -> String {
    let room = ((width - 6.0) / LETTER).max(0.0) as usize;
    match name.chars().count() {
        count if count <= room => name.into(),
        _ if room < 4 => String::new(),
        _ => name.chars().take(room - 2).chain("..".chars()).collect(),
    }
}

/// A warm color that stays with a name.
fn color(name: &str) -> String {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = name.bytes().fold(0x811c_9dc5, mix);
    format!("rgb({},{},{})", 205 + hash % 50, 90 + hash / 64 % 120, 40 + hash / 8192 % 50)
}

/// Text as XML has it; names come from the guest.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '"' => out += "&quot;",
            // XML has no form for them.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_shares_of_samples() {
        let mut graph = FlameGraph::default();
        let main = graph.child(Node::ROOT, &"main".into());
        let (a, b) = (graph.child(main, &"a<b>".into()), graph.child(main, &"b".into()));
        assert!(graph.child(main, &"b".into()) == b);
        for (node, samples) in [(a, 3), (b, 1)] {
            (0..samples).for_each(|_| graph.count(node));
        }
        let svg = graph.svg("x & y");
        assert!(svg.contains("<title>x &amp; y</title>"), "{svg}");
        assert!(svg.contains("main: 4 samples (100.0 %), 0 in itself"), "{svg}");
        assert!(svg.contains("a&lt;b&gt;: 3 samples (75.0 %), 3 in itself"), "{svg}");
        assert!(svg.contains("x=\"900.00\" y=\"58\" width=\"300.00\""), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 4);
        assert!(!FlameGraph::default().svg("").contains("NaN"));
    }

    #[test]
    fn names_cannot_break_out() {
        let mut graph = FlameGraph::default();
        let node = graph.child(Node::ROOT, &"</title><script>\u{0}\"&".into());
        graph.count(node);
        let svg = graph.svg("<script>");
        assert!(!svg.contains("<script") && !svg.contains('\0'), "{svg}");
    }
}
