"""`strainscope elasticity` and `elasticity-experiment`: relative Young's modulus, and the RED paper's experiment."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands._figure_options import FORM
from app.commands._output import echo, echo_columns, echo_json
from app.commands._parse import parse_ellipse, parse_settings
from app.commands._shared import AsJson, ResultFile, open_result
from app.commands.estimate import progress_bar
from engine.errors import ParameterError

if TYPE_CHECKING:
    from engine.evaluation.papers.elasticity_experiment import Score


def elasticity(
    result: ResultFile,
    reference: Annotated[
        str, typer.Option("--reference", metavar=FORM, help="Region whose median modulus is 1; mm and degrees.")
    ],
    target: Annotated[
        str | None, typer.Option("--target", metavar=FORM, help="Region whose modulus ratio is measured.")
    ] = None,
    method: Annotated[str, typer.Option("--method", metavar="NAME", help="Elasticity method.")] = "gauss-newton",
    frame: Annotated[
        int | None, typer.Option("--frame", metavar="K", help="Deformed frame; default: the last.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the method.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Turn a frame's displacement into relative Young's modulus and read the ratio of two regions.

    gauss-newton solves for the modulus and is the one to use: on simulated discs of 0.3 to 8 times the surrounding
    stiffness, in plane strain as it takes by default, it erred by 8 % at most. strain-inverse is instant and
    understates contrast up to 1.9 times. statistical and red are the paper's methods, for comparison; with displacement
    of no known force they are far off, with noisy displacement by any factor.

    The range printed beside the ratio is a fixed factor of the method, set by hand from its errors on simulated discs
    (range_kind method-factor in the JSON): no interval of confidence, and it does not follow the noise of the frame.
    """
    from engine.elasticity.base import ELASTICITY_METHODS, modulus_ratio, range_words

    chosen = ELASTICITY_METHODS.get(method)
    params = chosen.Params.from_text(parse_settings(settings or [])["method"])
    regions = parse_ellipse(reference, "--reference"), parse_ellipse(target, "--target")
    opened = open_result(result)
    chosen_frame = opened.estimated(frame)
    assert regions[0] is not None
    modulus = chosen.reconstruct(opened.frame(chosen_frame), regions[0], params)
    ratio = None if regions[1] is None else modulus_ratio(modulus, regions[1])
    if as_json:
        echo_json(
            {
                "result": result,
                "method": method,
                "frame": chosen_frame,
                "modulus_ratio": ratio,
                "parameters": params.as_dict(),
                "misfit": modulus.misfit,
                "warning": modulus.warning,
                "reference": regions[0],
                "target": regions[1],
            }
        )
        return
    echo(f"Frame {chosen_frame}: {modulus.label}")
    shown = "-"
    if ratio is not None:
        spread = f" ({ratio.low:.3g} to {ratio.high:.3g})" if ratio.range_kind else ""
        shown = f"- ({ratio.reason})" if ratio.reason else f"{ratio.value:.3g}{spread}"
    rows = [["Modulus ratio, target / reference", shown]]
    rows += [["Misfit, 1 where the model explains the data", f"{modulus.misfit[-1]:.3g}"]] if modulus.misfit else []
    echo_columns(rows, indent="  ")
    if ratio is not None and not ratio.reason:
        echo(f"  {range_words(ratio)}")
    if modulus.warning:
        typer.echo(modulus.warning, err=True)


def elasticity_experiment(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the table and the plot.")],
    cases: Annotated[int, typer.Option("--cases", min=1, help="Number of test phantoms.")] = 60,
    noise_db: Annotated[float, typer.Option("--noise-db", help="Signal to noise of the displacement.")] = 35.0,
    as_json: AsJson = False,
) -> None:
    """Repeat the experiment of the RED elasticity paper: four methods on random phantoms with noisy displacement."""
    import numpy as np

    from engine.elasticity.red import shipped_denoiser
    from engine.evaluation.papers.elasticity_experiment import METHODS, TEST_SEED, make_case, reconstruct, score
    from engine.evaluation.papers.elasticity_plot import save_cross_sections

    if output.exists() and not output.is_dir():
        raise ParameterError(f"{output} is not a folder")
    output.mkdir(parents=True, exist_ok=True)
    denoiser = shipped_denoiser()
    scores: dict[str, list[Score]] = {method: [] for method in METHODS}
    with progress_bar("phantoms") as progress:
        for number in range(cases):
            case = make_case(TEST_SEED + number, noise_db=noise_db)
            maps = {method: reconstruct(case, method, denoiser) for method in METHODS}
            for method, found in maps.items():
                scores[method].append(score(case, found))
            if number < 3:
                save_cross_sections(case, maps, output / f"case-{number + 1}.png")
            progress(number + 1, cases)
    names = ("relative_error", "rms_error", "cnr", "ratio")
    table = {
        method: {name: float(np.median([getattr(entry, name) for entry in rows])) for name in names}
        for method, rows in scores.items()
    }
    if as_json:
        echo_json({"cases": cases, "noise_db": noise_db, "medians": table})
        return
    echo(f"Medians over {cases} phantoms at {noise_db:g} dB; maps relative to the background's median")
    rows = [[method, *(f"{values[name]:.3f}" for name in names)] for method, values in table.items()]
    echo_columns([["method", "relative error", "RMS error", "CNR", "ratio found / true"], *rows], indent="  ")
