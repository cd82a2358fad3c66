using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A question and the text that has its answer; a long text in windows, which overlap.</summary>
/// <remarks>Answers begin and end with the parts of <see cref="TextUnits.Parts"/>, so that they are exact parts of the user's text whatever cleaning makes of it.</remarks>
internal sealed class QuestionedText : TextExample
{
    private readonly string _context;
    private readonly IReadOnlyList<TextUnit> _units;
    private readonly AnswerSearch _search;
    private readonly (int[] UnitOf, int First)[] _windows; // the part of the context that each token belongs to, and the first of these tokens

    /// <summary>Encodes a question and a text.</summary>
    /// <param name="question">The question; loses its end where it would take more than half of a sequence.</param>
    /// <param name="context">The text.</param>
    /// <param name="encoding">How texts become tokens.</param>
    /// <param name="search">How answers are looked for.</param>
    public QuestionedText(string question, string context, TextEncoding encoding, AnswerSearch search)
    {
        (_context, _search, _units) = (context, search, TextUnits.Parts(context));
        IsUndecoded = HasReplacement(question) || HasReplacement(context);
        var tokenizer = encoding.Tokenizer;
        var room = encoding.MaxTokens - tokenizer.SpecialCount(isPair: true);
        var asked = TextUnits.Parts(question).SelectMany(unit => tokenizer.Spell(unit)).Take(Math.Max(1, room / 2) + 1).ToArray();
        var isCut = asked.Length > Math.Max(1, room / 2);
        asked = isCut ? asked[..^1] : asked;
        var capacity = Math.Max(1, room - asked.Length);
        var pieces = _units.Select(unit => tokenizer.Spell(unit)).ToArray();
        IsTruncated = isCut || Array.Exists(pieces, piece => piece.Length > capacity);
        var windows = TokenWindow.Divide(Array.ConvertAll(pieces, piece => piece.Length), capacity);
        var sequences = new TokenSequence[windows.Count];
        _windows = new (int[], int)[windows.Count];
        for (var window = 0; window < windows.Count; window++)
        {
            var inside = Enumerable.Range(windows[window].First, windows[window].End - windows[window].First);
            var owned = inside.SelectMany(unit => pieces[unit].Select(id => (Id: id, Unit: unit))).Take(capacity).ToArray();
            var (tokens, _, start) = tokenizer.Join(asked, Array.ConvertAll(owned, token => token.Id));
            (sequences[window], _windows[window]) = (tokens, (Array.ConvertAll(owned, token => token.Unit), start));
        }

        Windows = sequences;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TokenSequence> Windows { get; }

    /// <inheritdoc/>
    /// <remarks>The question, or a single word of the text that is longer than a window.</remarks>
    public override bool IsTruncated { get; }

    /// <inheritdoc/>
    public override bool IsUndecoded { get; }

    /// <inheritdoc/>
    /// <remarks>Of a window without the answer the first token is the answer, which stands for "not here". A row whose answer is longer than a window is left out.</remarks>
    public override IEnumerable<RowLabel?> Labels(RowLabel label)
    {
        var (start, end) = ((int)label.Values[0], (int)(label.Values[0] + label.Values[1]));
        var (first, last) = (0, _units.Count - 1);
        while (first < _units.Count && _units[first].End <= start)
        {
            first++;
        }

        while (last >= 0 && _units[last].Start >= end)
        {
            last--;
        }

        (first, last) = (NextWithTokens(first, last, 1), NextWithTokens(last, first, -1));
        var places = _windows.Select(window => (Begin: Array.IndexOf(window.UnitOf, first), End: Array.LastIndexOf(window.UnitOf, last))).ToArray();
        var isSeen = Array.Exists(places, IsInside);
        return _windows.Zip(places, (window, place) => !isSeen ? default(RowLabel?) : new RowLabel(
            [
                IsInside(place) ? window.First + place.Begin : 0, IsInside(place) ? window.First + place.End : 0, window.First,
                window.First + window.UnitOf.Length,
            ],
            label.Weight));

        static bool IsInside((int Begin, int End) place) => place.Begin >= 0 && place.End >= place.Begin;
    }

    // Of parts that the tokenizer knows nothing of, at the ends of an answer, nothing can be learned; the next has to do.
    private int NextWithTokens(int unit, int end, int step)
    {
        while ((end - unit) * step > 0 && !Array.Exists(_windows, window => window.UnitOf.Contains(unit)))
        {
            unit += step;
        }

        return unit;
    }

    /// <inheritdoc/>
    public override RowScores Combine(ReadOnlySpan<float[]> windows)
    {
        var best = new List<(double Score, int First, int Last)>(); // logarithms of probabilities, the best first
        for (var i = 0; i < windows.Length; i++)
        {
            Look(_windows[i].UnitOf, _windows[i].First, windows[i], best);
        }

        return new AnswerScores([.. best.Select(found =>
        {
            var (start, end) = (_units[found.First].Start, _units[found.Last].End);
            return new FoundAnswer(_context[start..end], start, (float)Math.Exp(found.Score));
        })]);
    }

    private void Look(int[] unitOf, int first, float[] logits, List<(double Score, int First, int Last)> best)
    {
        var (begins, ends) = (LogProbabilities(logits, 0, unitOf.Length, first), LogProbabilities(logits, 1, unitOf.Length, first));
        for (var begin = 0; begin < unitOf.Length; begin++)
        {
            for (var end = begin; end < begin + Math.Min(unitOf.Length - begin, _search.MostTokens); end++)
            {
                var score = begins[begin] + ends[end];
                if (best.Count < _search.Count || score > best[^1].Score)
                {
                    Keep(best, (score, unitOf[begin], unitOf[end]));
                }
            }
        }
    }

    // Each answer once, with its highest score: windows overlap, and parts may have several tokens.
    private void Keep(List<(double Score, int First, int Last)> best, (double Score, int First, int Last) answer)
    {
        var known = best.FindIndex(other => other.First == answer.First && other.Last == answer.Last);
        if (known >= 0)
        {
            if (best[known].Score >= answer.Score)
            {
                return;
            }

            best.RemoveAt(known);
        }

        var place = best.FindIndex(other => other.Score < answer.Score);
        best.Insert(place < 0 ? best.Count : place, answer);
        if (best.Count > _search.Count)
        {
            best.RemoveAt(best.Count - 1);
        }
    }

    // Of each token of the text, among those and the first token of the sequence.
    private static double[] LogProbabilities(float[] logits, int output, int count, int first)
    {
        var values = Enumerable.Range(first, count).Select(token => (double)logits[(2 * token) + output]).ToArray();
        var largest = Math.Max(logits[output], values.DefaultIfEmpty(double.NegativeInfinity).Max());
        var total = largest + Math.Log(Math.Exp(logits[output] - largest) + values.Sum(value => Math.Exp(value - largest)));
        return Array.ConvertAll(values, value => value - total);
    }
}
