/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "plot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The picture, in pixels: columns stand in a frame, with the legend on its right. */
#define WIDTH        1000
#define HEIGHT       420
#define LEFT         70
#define RIGHT        800
#define TOP          50
#define BOTTOM       370
#define COLUMNS_MAX  365 /* two pixels each */
#define TICKS        5
#define LEGEND_LINE  20
#define LEGEND_LEFT  (RIGHT + 25)
#define OUTLIER_MARK 4

/* In the order in which they happen, from the bottom of a column to its top. */
static const struct layer {
	uint32_t phase; /* 0: what no phase accounts for */
	const char *color;
} layers[] = {
	{COCO_PHASE_PARK, "#9e9e9e"},       {COCO_PHASE_CHECK, "#616161"},
	{COCO_PHASE_RETIRE, "#b71c1c"},     {COCO_PHASE_VM, "#1a237e"},
	{COCO_PHASE_MEMORY, "#1976d2"},     {COCO_PHASE_VCPUS, "#81d4fa"},
	{COCO_PHASE_ATTRIBUTES, "#6a1b9a"}, {COCO_PHASE_LOAD, "#ef6c00"},
	{COCO_PHASE_STATE, "#ffca28"},      {COCO_PHASE_SEAL, "#2e7d32"},
	{COCO_PHASE_SWAP, "#00897b"},       {COCO_PHASE_SCRUB, "#a1887f"},
	{COCO_PHASE_RESUME, "#c0ca33"},     {0, "#e0e0e0"},
};
#define LAYER_COUNT (sizeof(layers) / sizeof(layers[0]))

struct plot {
	FILE *file;
	const struct incarnation **resets; /* in their order */
	size_t count;
	size_t columns;
	double top_ns; /* what the frame's top is */
};

static double y_of(const struct plot *plot, double ns)
{
	return BOTTOM - (BOTTOM - TOP) * ns / plot->top_ns;
}

static int compare_totals(const void *a, const void *b)
{
	const struct incarnation *left = *(const struct incarnation *const *)a;
	const struct incarnation *right = *(const struct incarnation *const *)b;
	return (left->total_ns > right->total_ns) - (left->total_ns < right->total_ns);
}

static double layer_ns(const struct incarnation *life, const struct layer *layer)
{
	if (layer->phase)
		return (double)life->phase_ns[layer->phase];

	uint64_t known = 0;
	for (uint32_t phase = 1; phase < COCO_PHASE_COUNT; phase++)
		known += life->phase_ns[phase];
	return known < life->total_ns ? (double)(life->total_ns - known) : 0;
}

/* 1, 2 or 5 times a power of ten: the distance of the axis' ticks. */
static double round_step(double step)
{
	double power = 1;
	while (power * 10 <= step)
		power *= 10;
	if (step <= power * 2)
		return power * 2;
	return step <= power * 5 ? power * 5 : power * 10;
}

static void draw_axis(const struct plot *plot)
{
	double step = round_step(plot->top_ns / TICKS);

	for (double ns = 0; ns <= plot->top_ns; ns += step) {
		fprintf(plot->file,
			"<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g ms</text>\n",
			LEFT, RIGHT, y_of(plot, ns), y_of(plot, ns), LEFT - 8, y_of(plot, ns) + 4,
			ns / 1e6);
	}
	fprintf(plot->file,
		"<text x=\"%d\" y=\"%d\">reset 1</text>\n"
		"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">reset %zu</text>\n",
		LEFT, BOTTOM + 20, RIGHT, BOTTOM + 20, plot->count);
}

static void draw_column(const struct plot *plot, size_t column, const struct incarnation *life)
{
	double width = (double)(RIGHT - LEFT) / (double)plot->columns;
	double x = LEFT + width * (double)column;
	double bottom = BOTTOM;
	double ns = 0;

	for (size_t i = 0; i < LAYER_COUNT; i++) {
		ns += layer_ns(life, &layers[i]);
		double top = y_of(plot, ns < plot->top_ns ? ns : plot->top_ns);
		/* What would not be seen only makes the file longer. */
		if (bottom - top < 0.05)
			continue;
		fprintf(plot->file,
			"<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" "
			"fill=\"%s\"/>\n",
			x, top, width > 3 ? width - 1 : width, bottom - top, layers[i].color);
		bottom = top;
	}
	if (ns > plot->top_ns * 1.001)
		fprintf(plot->file,
			"<circle cx=\"%.2f\" cy=\"%d\" r=\"2\" fill=\"#b71c1c\"><title>%.3f "
			"ms</title></circle>\n",
			x + width / 2, TOP - OUTLIER_MARK, ns / 1e6);
}

/* With more resets than columns, a column is the median one of those that share it. */
static void draw_columns(const struct plot *plot)
{
	for (size_t column = 0; column < plot->columns; column++) {
		size_t first = column * plot->count / plot->columns;
		size_t end = (column + 1) * plot->count / plot->columns;

		qsort(&plot->resets[first], end - first, sizeof(*plot->resets), compare_totals);
		draw_column(plot, column, plot->resets[first + (end - first) / 2]);
	}
}

/* Call it last: it sorts the resets. */
static void draw_legend(const struct plot *plot)
{
	size_t middle = plot->count / 2;

	qsort(plot->resets, plot->count, sizeof(*plot->resets), compare_totals);
	for (size_t i = 0; i < LAYER_COUNT; i++) {
		int y = BOTTOM - LEGEND_LINE * (int)i;
		const char *name = layers[i].phase ? coco_phase_name(layers[i].phase) : "the rest";
		double ms = layer_ns(plot->resets[middle], &layers[i]) / 1e6;

		fprintf(plot->file,
			"<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/>\n"
			"<text x=\"%d\" y=\"%d\">%s</text>\n"
			"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.3f</text>\n",
			LEGEND_LEFT, y - 11, layers[i].color, LEGEND_LEFT + 20, y, name, WIDTH - 15,
			y, ms);
	}
	fprintf(plot->file,
		"<text x=\"%d\" y=\"%d\" font-weight=\"bold\">median, ms</text>\n"
		"<text x=\"%d\" y=\"%d\" text-anchor=\"end\" font-weight=\"bold\">%.3f</text>\n",
		LEGEND_LEFT, TOP, WIDTH - 15, TOP, (double)plot->resets[middle]->total_ns / 1e6);
}

/* A few outliers must not make all others flat: they are cut off, and marked. */
static double choose_top(const struct incarnation **resets, size_t count)
{
	const struct incarnation **sorted = malloc(count * sizeof(*sorted));
	if (!sorted)
		return (double)resets[0]->total_ns;
	for (size_t i = 0; i < count; i++)
		sorted[i] = resets[i];
	qsort(sorted, count, sizeof(*sorted), compare_totals);
	double most = (double)sorted[count - 1]->total_ns;
	double usual = (double)sorted[count * 9 / 10]->total_ns * 1.5;
	free(sorted);
	return most < usual || usual == 0 ? most + 1 : usual;
}

static void draw(struct plot *plot, const struct report *report)
{
	fprintf(plot->file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		"height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
		"<text x=\"%d\" y=\"24\" font-size=\"15\">%s guest, %u vCPUs, %u MiB: phases of "
		"%zu resets</text>\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT, report->tech, report->options->vcpus,
		report->options->memory_mib, plot->count);
	if (plot->count) {
		plot->top_ns = choose_top(plot->resets, plot->count);
		draw_axis(plot);
		draw_columns(plot);
		draw_legend(plot);
	}
	fputs("</svg>\n", plot->file);
}

bool plot_write(const struct report *report, const char *path)
{
	struct plot plot = {.file = fopen(path, "we")};
	if (!plot.file)
		return false;
	plot.resets = malloc((report->incarnation_count + 1) * sizeof(*plot.resets));
	for (size_t i = 0; plot.resets && i < report->incarnation_count; i++) {
		if (report->incarnations[i].generation > 1)
			plot.resets[plot.count++] = &report->incarnations[i];
	}
	plot.columns = plot.count < COLUMNS_MAX ? plot.count : COLUMNS_MAX;
	draw(&plot, report);
	bool written = plot.resets && !ferror(plot.file);
	free(plot.resets);
	return fclose(plot.file) == 0 && written;
}
