/**
 * Whether somebody can see an element: it is on the screen, or nearly, and the page is in front.
 */

/** @type {WeakMap<Element, Sight>} */
const sights = new WeakMap();
/** All share one observer. @type {IntersectionObserver | null} */
let observer = null;

export class Sight {
  /**
   * @param {Element} element
   * @param {() => void} onChange
   */
  constructor(element, onChange) {
    this._element = element;
    this._onChange = onChange;
    this._isOnScreen = false;
    sights.set(element, this);
  }

  get isSeen() {
    return this._isOnScreen && !document.hidden;
  }

  /** Look, from now on. */
  begin() {
    document.addEventListener("visibilitychange", this._onChange);
    observer ??= new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) sights.get(target)?._see(isIntersecting);
      },
      { rootMargin: "64px" },
    );
    observer.observe(this._element);
  }

  end() {
    document.removeEventListener("visibilitychange", this._onChange);
    observer?.unobserve(this._element);
    this._isOnScreen = false;
  }

  /** @param {boolean} isOnScreen */
  _see(isOnScreen) {
    this._isOnScreen = isOnScreen;
    this._onChange();
  }
}
