import { render } from "preact";
import { App } from "./App";
import "uplot/dist/uPlot.min.css";
import "./style/base.css";
import "./style/frame.css";
import "./style/map.css";
import "./style/panel.css";
import "./style/table.css";

const root = document.getElementById("page");
if (root) render(<App />, root);
