# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Lines of group|label|microseconds become an SVG: a bar for each, on a logarithmic axis.
function text(s) {
    gsub(/&/, "\\&amp;", s)
    gsub(/</, "\\&lt;", s)
    return s
}
function log10(x) { return log(x) / log(10) }
function x_of(us) { return LEFT + (RIGHT - LEFT) * (log10(us) - low) / (high - low) }

BEGIN { FS = "|"; LEFT = 330; RIGHT = 860; LINE = 18 }

$3 > 0 {
    if ($1 != group) { group = $1; count++; is_head[count] = 1; label[count] = $1 }
    label[++count] = $2
    us[count] = $3
    if (!most || $3 > most) most = $3
    if (!least || $3 < least) least = $3
}

END {
    if (!most) exit 1
    low = int(log10(least)); high = int(log10(most)) + 1
    height = (count + 3) * LINE
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 %d\" width=\"960\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", height, height
    print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
    for (power = low; power <= high; power++) {
        x = x_of(10 ^ power)
        printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#ddd\"/>\n", x, x, LINE, height - LINE
        name = power < 3 ? 10 ^ power " us" : power < 6 ? 10 ^ (power - 3) " ms" : 10 ^ (power - 6) " s"
        printf "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x, height - 4, name
    }
    for (i = 1; i <= count; i++) {
        y = (i + 0.5) * LINE
        if (is_head[i]) {
            printf "<text x=\"10\" y=\"%d\" font-weight=\"bold\">%s</text>\n", y + 4, text(label[i])
            continue
        }
        color = label[i] ~ /QEMU/ ? "#b71c1c" : label[i] ~ /by hand/ ? "#616161" : label[i] ~ /overlap/ ? "#00897b" : "#1976d2"
        printf "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", LEFT - 8, y + 4, text(label[i])
        printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", LEFT, y - 6, x_of(us[i]) - LEFT, 12, color
        printf "<text x=\"%.1f\" y=\"%d\">%.1f ms</text>\n", x_of(us[i]) + 5, y + 4, us[i] / 1000
    }
    print "</svg>"
}
